//! The same verbs on a store in a directory and, with `--endpoints`, on a node: what they print, say and exit with is the same.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::both::Both;
use crate::run::Ran;
use crate::support::Sandbox;

#[test]
fn entries_are_put_got_counted_and_deleted_alike() {
    let both = Both::new();
    let every_byte: Vec<u8> = (0..=255).collect();
    assert_eq!(both.same_with(&["put", "bytes", "-"], &every_byte).code, 0);
    assert_eq!(both.same(&["get", "bytes"]).bytes, every_byte);
    for arguments in [
        &["put", "user:1", "Ada", "--json"][..],
        &["put", "user:2", "Grace"],
        &["put", "user:2", "Barbara", "--if-absent"],
        &["put", "user:2", "Barbara", "--if-value", "Grace"],
        &["put", "user:2", "Grace", "--if-sequence", "2"],
        &["put", "user:3", "\\xff\\x00"],
        &["put", "", ""],
        &["get", ""],
        &["get", "user:9"],
        &["get", "user:2", "--json"],
        &["get", "first", "--at", "1"],
        &["incr", "n"],
        &["incr", "n", "41", "--json"],
        &["incr", "user:1"],
        &["info", "n"],
        &["info", "nothing"],
        &["expire", "user:1", "--never"],
        &["del", "user:1", "nobody"],
        &["del", "user:1", "nobody", "--json"],
        &["del", "--prefix", "user:"],
        &["scan"],
        &["put", "a\nb", "1"],
        &["put", "k\\n"],
        &["get", "k\\n"],
    ] {
        both.same(arguments);
    }
    let transaction = br#"{"if":"t","absent":true}
{"put":"t","value":"1"}
"#;
    for _ in 0..2 {
        both.same_with(&["txn", "-"], transaction);
    }
}

#[test]
fn rows_are_imported_listed_and_exported_alike() {
    let both = Both::new();
    let rows: String = (0..3_000).map(|row| format!("row:{row:05}\tvalue {row}\n")).collect();
    assert_eq!(both.same_with(&["import", "--format", "tsv", "-"], rows.as_bytes()).code, 0);
    assert_eq!(both.same_with(&["import", "--format", "tsv", "-"], b"no tab here\n").code, 2);
    for arguments in [
        &["scan", "--limit", "5"][..],
        &["scan", "--prefix", "row:0001", "--reverse", "--keys"],
        &["scan", "--from", "row:00100", "--to", "row:00102", "--json"],
        &["scan", "--from", "z", "--to", "a"],
        &["scan", "--count"],
        &["scan", "--count", "--prefix", "row:002", "--json"],
        &["scan", "--at", "1"],
        &["export", "--format", "jsonl", "-"],
        &["export", "--format", "csv", "-"],
        &["export", "--format", "lines", "-"],
        &["watch", "--limit", "1"],
        &["watch", "--limit", "1", "--from", "1", "--key", "first", "--json"],
        &["watch", "--from", "99"],
    ] {
        both.same(arguments);
    }
    // How many bytes there are on a disk is for each disk to say.
    let about = both.remote(&["scan", "--estimate", "--json"], b"").json().remove(0);
    assert!(
        about["keys"].as_u64().unwrap().abs_diff(3_001) < 300 && about["bytes"].as_u64() > Some(30_000),
        "{about}"
    );
    // The tokens differ, and what they lead to does not.
    let page = |ran: Ran| {
        let mut rows = ran.json();
        let next = rows.pop().unwrap()["next"].as_str().map(str::to_owned);
        (rows, next)
    };
    let list = ["scan", "--json", "--keys", "--paged", "--limit", "1200"];
    let (mut local, mut remote) = (page(both.local(&list, b"")), page(both.remote(&list, b"")));
    let mut pages = 1;
    while let (Some(here), Some(there)) = (&local.1, &remote.1) {
        assert_eq!(local.0, remote.0);
        let next = |token: &str| [&list[..], &["--resume", token]].concat().join(" ");
        let (here, there) = (next(here), next(there));
        local = page(both.local(&here.split(' ').collect::<Vec<_>>(), b""));
        remote = page(both.remote(&there.split(' ').collect::<Vec<_>>(), b""));
        pages += 1;
    }
    assert_eq!((&local, pages), (&remote, 3));
}

/// The files below a directory, by path.
fn files(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(self::files(&path).into_iter().map(|(inner, bytes)| (path.join(inner), bytes)));
        } else {
            files.insert(path.clone(), fs::read(path).unwrap());
        }
    }
    files.into_iter().map(|(path, bytes)| (path.strip_prefix(directory).unwrap().to_owned(), bytes)).collect()
}

#[test]
fn a_tree_comes_back_from_a_cluster_as_from_a_store() {
    let both = Both::new();
    for (path, contents) in
        [("tree/README.md", &b"# Tree\n"[..]), ("tree/a/b/c", b"\0\xff"), ("tree/a/empty", b"")]
    {
        both.sandbox.write(path, contents);
    }
    assert_eq!(both.same(&["import", "tree"]).code, 0);
    assert_eq!(both.local(&["export", "here"], b"").code, 0);
    let there = both.remote(&["export", "there", "--json"], b"");
    assert_eq!((there.code, &there.json()[0]["exported"]), (0, &4.into()));
    let exported = files(&both.sandbox.path("there"));
    assert_eq!(exported, files(&both.sandbox.path("here")));
    assert_eq!(exported.len(), 4);
    // A key that is another one's directory has no place in a tree, and one that leads out of it neither.
    for key in ["README.md/x", "../out"] {
        both.same(&["put", key, "v"]);
        let refused = both.same(&["export", "refused"]);
        assert_eq!(refused.code, 2, "{}", refused.errors);
        both.same(&["del", key]);
    }
    assert!(!both.sandbox.path("refused").exists());
}

#[test]
fn the_log_is_listed_and_pruned_alike() {
    let both = Both::new();
    for number in 0..9 {
        both.same(&["put", "k", &number.to_string()]);
    }
    both.same(&["del", "k", "first"]);
    for arguments in [
        &["log"][..],
        &["log", "--from", "4", "--json"],
        &["log", "--from", "99"],
        &["prune", "--before", "3"],
        &["log", "--from", "1"],
        &["prune", "--keep", "4", "--json"],
        &["log"],
        &["watch", "--from", "2"],
        &["prune", "--keep", "0"],
        &["log"],
    ] {
        both.same(arguments);
    }
}

#[test]
fn what_is_about_files_is_refused_for_a_cluster() {
    let both = Both::new();
    for arguments in [
        &["compact"][..],
        &["verify"],
        &["repair", "new"],
        &["backup", "to"],
        &["backups", "to"],
        &["restore", "from"],
        &["serve", "--insecure"],
        &["prune", "--keep-bytes", "100"],
        &["get", "first", "--damaged"],
    ] {
        let refused = both.remote(arguments, b"");
        assert_eq!(refused.code, 2, "{arguments:?}: {}", refused.errors);
        assert!(refused.bytes.is_empty(), "{arguments:?}");
        assert!(
            ["--store DIR", "--before or --keep"].iter().any(|way| refused.errors.contains(way)),
            "{refused:?}"
        );
    }
    insta::assert_snapshot!(both.remote(&["prune", "--keep-bytes", "100"], b"").all(), @r"
    exit 2
    --- output
    --- messages
    pentad: a cluster is told which commits to keep, not how many bytes or seconds of them: say --before or --keep
    ");
    insta::assert_snapshot!(both.remote(&["compact"], b"").all(), @r"
    exit 2
    --- output
    --- messages
    pentad: this is about the files of a store, so it is not done through --endpoints: run it on the machine that has them, with --store DIR
    ");
}

#[test]
fn f23_a_node_that_is_not_there_is_named_with_what_to_look_at() {
    let sandbox = Sandbox::new();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_pentad"));
    let unreachable: Ran = command
        .current_dir(sandbox.path(""))
        .args(["--endpoints", "127.0.0.1:1", "cluster", "members"])
        .output()
        .unwrap()
        .into();
    assert_eq!(unreachable.code, 3);
    assert!(unreachable.errors.contains("127.0.0.1:1"), "{}", unreachable.errors);
    assert!(unreachable.errors.contains("are the nodes running"), "{}", unreachable.errors);
}
