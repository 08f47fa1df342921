//! log, stats, verify and compact.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::Sandbox;

const NEEDLE: &str = "a value that is found again in the files of the store";

fn filled() -> Sandbox {
    let sandbox = Sandbox::new();
    let rows = "a\t1\nb\t2\nc\t3\nd\t4\n";
    assert_eq!(sandbox.run_with(&["import", "--format", "tsv", "-"], rows.as_bytes()).code, 0);
    sandbox.done(&["put", "needle", NEEDLE]);
    sandbox.done(&["del", "a", "b"]);
    sandbox
}

/// Every file below a directory, with its contents.
fn contents(directory: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(contents(&path));
        } else {
            let bytes = fs::read(&path).unwrap();
            files.push((path, bytes));
        }
    }
    files.sort();
    files
}

#[test]
fn log_lists_commits_oldest_first() {
    let sandbox = filled();
    let log = sandbox.done(&["log"]);
    let columns: Vec<Vec<&str>> = log.text().lines().map(|line| line.split('\t').collect()).collect();
    assert_eq!(columns.len(), 3, "{}", log.text());
    let [first, second, third] = [&columns[0], &columns[1], &columns[2]];
    assert_eq!((first[0], first[2], first[3]), ("1", "4 changes", "+a +b +c …"));
    assert_eq!((second[0], second[2], second[3]), ("2", "1 change", "+needle"));
    assert_eq!((third[0], third[2], third[3]), ("3", "2 changes", "-a -b"));
    assert!(columns.iter().all(|row| row[1].len() == 30 && row[1].ends_with('Z')), "{}", log.text());
    assert_eq!(sandbox.done(&["log", "--from", "3"]).text().lines().count(), 1);
    assert_eq!(sandbox.done(&["log", "--from", "4"]).text(), "");
}

#[test]
fn log_in_json_has_every_change() {
    let commits = filled().done(&["log", "--json", "--from", "2"]).json();
    assert_eq!(commits[0]["sequence"], 2);
    assert!(commits[0]["time_ns"].as_u64().unwrap() > 1_700_000_000_000_000_000);
    assert_eq!(
        commits[0]["changes"],
        serde_json::json!([{"op": "put", "key": "needle", "bytes": NEEDLE.len()}])
    );
    let deletes = serde_json::json!([{"op": "delete", "key": "a"}, {"op": "delete", "key": "b"}]);
    assert_eq!(commits[1]["changes"], deletes);
}

#[test]
fn stats_count_what_is_there() {
    let sandbox = filled();
    let stats = &sandbox.done(&["stats", "--json"]).json()[0];
    assert_eq!(
        (&stats["keys"], &stats["sequence"], &stats["oldest_batch"]),
        (&3.into(), &3.into(), &1.into())
    );
    let names: Vec<_> = stats.as_object().unwrap().keys().map(String::as_str).collect();
    insta::assert_snapshot!(names.join(" "), @"checkpoint_age_bytes checkpoint_bytes checkpoint_failure compacted_bytes dead_bytes disk_bytes held_bytes hiding_bytes index_bytes keys live_bytes log_bytes namespaces_fault oldest_batch oldest_readable reserve_bytes scrub segments sequence stream_bytes stream_segments tail unfinished_tail_bytes");
    assert!(sandbox.done(&["stats"]).text().starts_with("keys            3\nlast commit     3\n"));
}

#[test]
fn a_sound_store_verifies() {
    let sandbox = filled();
    let ran = sandbox.done(&["verify"]);
    assert!(ran.text().starts_with("sound: "), "{}", ran.text());
    let report = &sandbox.done(&["verify", "--json"]).json()[0];
    assert_eq!((&report["damage"], &report["torn_tail"]), (&serde_json::json!([]), &serde_json::Value::Null));
}

#[test]
fn f03_a_flipped_bit_is_reported_by_file_and_offset_and_never_returned() {
    let sandbox = filled();
    let is_needle = |window: &[u8]| window == NEEDLE.as_bytes();
    let (path, mut bytes) = contents(&sandbox.path("store"))
        .into_iter()
        .find(|(_, bytes)| bytes.windows(NEEDLE.len()).any(is_needle))
        .expect("values are stored as they are");
    let at = bytes.windows(NEEDLE.len()).position(is_needle).unwrap();
    bytes[at + 7] ^= 0x10;
    fs::write(&path, bytes).unwrap();

    let verified = sandbox.run(&["verify"]);
    assert_eq!(verified.code, 3, "{verified:?}");
    let line = verified.text().lines().find(|line| line.starts_with("damaged: ")).unwrap();
    assert!(line.contains(path.file_name().unwrap().to_str().unwrap()), "{line}");
    assert!(line.contains(" offset ") && line.contains(" sequence 2"), "{line}");
    let report = sandbox.run(&["verify", "--json"]);
    assert_eq!((report.code, &report.json()[0]["damage"][0]["sequence"]), (3, &2.into()));

    let got = sandbox.run(&["get", "needle"]);
    assert_eq!((got.code, &*got.bytes), (3, &b""[..]), "{got:?}");
    assert_eq!(sandbox.done(&["get", "c"]).bytes, b"3");

    for target in ["out", "out.tsv"] {
        let stopped = sandbox.run(&["export", target]);
        assert_eq!(stopped.code, 3, "{stopped:?}");
        assert!(
            stopped.errors.contains("\"needle\"") && stopped.errors.contains("--skip-damaged"),
            "{stopped:?}"
        );
        let skipped = sandbox.run(&["export", target, "--skip-damaged", "--force"]);
        assert_eq!(skipped.code, 3, "{skipped:?}");
        assert!(
            skipped.errors.contains("left out: ") && skipped.errors.contains("\"needle\""),
            "{skipped:?}"
        );
    }
    assert!(sandbox.path("out/d").exists() && !sandbox.path("out/needle").exists());
    assert_eq!(sandbox.read("out.tsv"), b"c\t3\nd\t4\n");
}

#[test]
fn compacting_gives_space_back() {
    const TREE: u64 = 40 << 20;
    let sandbox = Sandbox::new();
    sandbox.done(&["put", "needle", NEEDLE]);
    for round in 0..4 {
        for file in 0..TREE >> 20 {
            sandbox.write(format!("tree/{file}"), vec![round; 1 << 20]);
        }
        sandbox.done(&["import", "tree"]);
    }
    sandbox.done(&["compact"]);
    // Of four times the tree, the newest 64 MiB stay readable as commits, and what shares a segment with them.
    let on_disk =
        |path| contents(&sandbox.path(path)).iter().map(|(_, bytes)| bytes.len() as u64).sum::<u64>();
    assert!(on_disk("store") < 3 * TREE, "{} bytes", on_disk("store"));
    assert_eq!(sandbox.done(&["get", "needle"]).bytes, NEEDLE.as_bytes());
    assert!(sandbox.done(&["get", "39"]).bytes == vec![3; 1 << 20]);
    sandbox.done(&["verify"]);
}

/// What was deleted stayed on the disk as long as its commits were among the newest 64 MiB, and from the command line there
/// was no way to let go of them: a full disk of that size could not be emptied.
#[test]
fn f09_compacting_with_prune_gives_all_dead_space_back_and_leaves_no_commits() {
    let sandbox = filled();
    sandbox.write("big", vec![7; 4 << 20]);
    sandbox.done(&["import", "big", "--format", "lines"]);
    sandbox.done(&["del", "000000000001"]);
    let before = sandbox.done(&["scan"]).bytes;
    let on_disk =
        || contents(&sandbox.path("store")).iter().map(|(_, bytes)| bytes.len() as u64).sum::<u64>();
    sandbox.done(&["compact"]);
    assert!(on_disk() > 4 << 20, "{} bytes", on_disk());
    let report = &sandbox.done(&["compact", "--prune", "--json"]).json()[0];
    assert!(report["pruned_commits"].as_u64().unwrap() > 0, "{report}");
    assert!(on_disk() < 2 << 20, "{} bytes", on_disk());
    assert_eq!(sandbox.done(&["log"]).text(), "");
    assert_eq!(sandbox.done(&["scan"]).bytes, before);
    sandbox.done(&["verify"]);
}

#[test]
fn compacting_keeps_what_is_live() {
    let sandbox = filled();
    let before = sandbox.done(&["scan"]).bytes;
    let report = &sandbox.done(&["compact", "--json"]).json()[0];
    let names: Vec<_> = report.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "bytes_after",
            "bytes_before",
            "damaged_segments",
            "entries",
            "held_back_segments",
            "pruned_commits",
            "segments_after",
            "segments_before"
        ]
    );
    assert!(sandbox.done(&["compact"]).text().starts_with("nothing to compact"));
    assert_eq!(sandbox.done(&["scan"]).bytes, before);
    sandbox.done(&["verify"]);
}

#[test]
fn f05_a_directory_that_is_not_a_store_is_refused_untouched() {
    let sandbox = Sandbox::new();
    sandbox.write("store/notes.txt", "mine");
    let before = contents(&sandbox.path("store"));
    for arguments in [
        &["get", "k"][..],
        &["put", "k", "v"],
        &["scan"],
        &["verify"],
        &["compact"],
        &["import", "store/notes.txt"],
    ] {
        let ran = sandbox.run(arguments);
        assert_eq!(ran.code, 3, "{arguments:?}: {ran:?}");
        assert!(ran.errors.starts_with("pentad: "), "{}", ran.errors);
        assert_eq!(contents(&sandbox.path("store")), before, "{arguments:?}");
    }
}

#[test]
fn pruning_forgets_commits_and_lets_compaction_free_everything() {
    let sandbox = filled();
    let forgotten = sandbox.done(&["prune", "--keep", "2"]);
    assert_eq!(forgotten.text(), "forgot 1 commit; the oldest kept is 2\n");
    assert_eq!(sandbox.done(&["log"]).text().lines().count(), 2);
    assert_eq!(sandbox.done(&["prune", "--before", "3"]).text(), "forgot 1 commit; the oldest kept is 3\n");
    assert_eq!(sandbox.done(&["prune", "--before", "3"]).text(), "forgot 0 commits; the oldest kept is 3\n");
    assert_eq!(sandbox.done(&["stats", "--json"]).json()[0]["keys"], 3, "no key goes");

    sandbox.done(&["put", "large", &"x".repeat(100_000)]);
    sandbox.done(&["del", "large"]);
    assert!(
        sandbox.done(&["compact"]).text().contains("--prune gives those commits up"),
        "it says what keeps it"
    );
    let pruned = &sandbox.done(&["prune", "--keep", "0", "--json"]).json()[0];
    assert_eq!((&pruned["pruned"], &pruned["oldest_batch"]), (&3.into(), &serde_json::Value::Null));
    let freed = &sandbox.done(&["compact", "--json"]).json()[0];
    assert!(
        freed["bytes_before"].as_u64().unwrap() > freed["bytes_after"].as_u64().unwrap() + 100_000,
        "{freed}"
    );
    assert_eq!(sandbox.done(&["stats", "--json"]).json()[0]["keys"], 3);
}

#[test]
fn pruning_needs_to_be_told_how_much() {
    let sandbox = filled();
    for arguments in [&["prune"][..], &["prune", "--keep", "1", "--before", "2"], &["prune", "--keep", "few"]]
    {
        assert_eq!(sandbox.run(arguments).code, 2, "{arguments:?}");
    }
    let elsewhere = sandbox.pentad_on("elsewhere", &["prune", "--keep", "0"]).output().unwrap();
    assert_eq!(elsewhere.status.code(), Some(3), "no store is made");
    assert!(!sandbox.path("elsewhere").exists());
}
