//! get, put, del and scan.

use std::io::{BufRead as _, BufReader, Read as _};

use crate::support::Sandbox;

fn filled() -> Sandbox {
    let sandbox = Sandbox::new();
    for (key, value) in [("a", "1"), ("user:1", "Ada"), ("user:2", "Grace"), ("user:3", "Barbara"), ("z", "")]
    {
        sandbox.done(&["put", key, value]);
    }
    sandbox
}

#[test]
fn what_is_put_is_got_byte_for_byte() {
    let sandbox = Sandbox::new();
    let every_byte: Vec<u8> = (0..=255).collect();
    assert_eq!(sandbox.run_with(&["put", "bytes", "-"], &every_byte).code, 0);
    assert_eq!(sandbox.done(&["get", "bytes"]).bytes, every_byte);
    assert_eq!(sandbox.run_with(&["put", "piped"], b"no value named").code, 0);
    assert_eq!(sandbox.done(&["get", "piped"]).bytes, b"no value named");
    sandbox.done(&["put", "", ""]);
    assert_eq!(sandbox.done(&["get", ""]).bytes, b"");
}

#[test]
fn a_missing_key_is_absent() {
    let ran = filled().run(&["get", "user:4"]);
    insta::assert_snapshot!(ran.all(), @r#"
    exit 1
    --- output
    --- messages
    pentad: there is no key "user:4" in store
    "#);
}

#[test]
fn escapes_name_any_byte_and_raw_takes_them_as_they_are() {
    let sandbox = Sandbox::new();
    sandbox.done(&["put", "k\\x00\\\\", "\\xff\\x0a"]);
    assert_eq!(sandbox.done(&["get", "k\\x00\\\\"]).bytes, b"\xff\n");
    assert_eq!(sandbox.done(&["scan"]).text(), "k\\x00\\\\\t\\xff\\x0a\n");
    assert_eq!(sandbox.done(&["scan", "--raw"]).bytes, b"k\0\\\t\xff\n\n");
    sandbox.done(&["--raw", "put", "\\x00", "\\n"]);
    assert_eq!(sandbox.done(&["get", "\\\\x00"]).bytes, b"\\n");
    let refused = sandbox.run(&["get", "\\n"]);
    assert_eq!(refused.code, 2);
    assert!(refused.errors.contains("--raw"), "{}", refused.errors);
}

#[test]
fn scan_lists_in_key_order() {
    let sandbox = filled();
    let text = |arguments: &[&str]| sandbox.done(&[&["scan"], arguments].concat()).text().to_owned();
    assert_eq!(text(&[]), "a\t1\nuser:1\tAda\nuser:2\tGrace\nuser:3\tBarbara\nz\t\n");
    assert_eq!(text(&["--prefix", "user:", "--limit", "2"]), "user:1\tAda\nuser:2\tGrace\n");
    assert_eq!(text(&["--prefix", "user:", "--reverse", "--limit", "1"]), "user:3\tBarbara\n");
    assert_eq!(text(&["--keys", "--reverse"]), "z\nuser:3\nuser:2\nuser:1\na\n");
    assert_eq!(text(&["--limit", "0"]), "");
}

#[test]
fn scan_includes_both_ends() {
    let sandbox = filled();
    let keys = |from, to| sandbox.done(&["scan", "--keys", "--from", from, "--to", to]).text().to_owned();
    assert_eq!(keys("user:1", "user:2"), "user:1\nuser:2\n");
    assert_eq!(keys("b", "user:1x"), "user:1\n");
    assert_eq!(keys("z", "a"), "");
}

#[test]
fn scan_in_json_can_be_imported_again() {
    let sandbox = filled();
    sandbox.done(&["put", "\\xff", "\\xfe"]);
    let rows = sandbox.done(&["scan", "--json", "--from", "user:3"]);
    insta::assert_snapshot!(rows.text(), @r#"
    {"key":"user:3","value":"Barbara"}
    {"key":"z","value":""}
    {"key_base64":"/w==","value_base64":"/g=="}
    "#);
    let copy = Sandbox::new();
    assert_eq!(copy.run_with(&["import", "--format", "jsonl", "-"], &rows.bytes).code, 0);
    assert_eq!(copy.done(&["scan", "--json"]).bytes, rows.bytes);
    assert_eq!(sandbox.done(&["get", "a", "--json"]).text(), "{\"key\":\"a\",\"value\":\"1\"}\n");
}

#[test]
fn del_deletes_what_is_there_and_names_the_rest() {
    let sandbox = filled();
    assert_eq!(sandbox.done(&["del", "a", "z"]).bytes, b"");
    let ran = sandbox.run(&["del", "user:1", "nobody", "\\x00"]);
    insta::assert_snapshot!(ran.all(), @r#"
    exit 1
    --- output
    --- messages
    pentad: there are no keys "nobody", "\x00" in store
    "#);
    assert_eq!(sandbox.done(&["scan", "--keys"]).text(), "user:2\nuser:3\n");
    let report = sandbox.run(&["del", "user:2", "nobody", "--json"]);
    assert_eq!(report.text(), "{\"absent\":[{\"key\":\"nobody\"}],\"deleted\":1,\"sequence\":8}\n");
}

#[test]
fn put_tells_programs_its_sequence() {
    let sandbox = Sandbox::new();
    assert_eq!(sandbox.done(&["put", "a", "1", "--json"]).text(), "{\"sequence\":1}\n");
    assert_eq!(sandbox.done(&["put", "a", "2", "--json"]).text(), "{\"sequence\":2}\n");
}

#[test]
fn a_reader_that_has_seen_enough_ends_the_scan_quietly() {
    let sandbox = Sandbox::new();
    let rows: String = (0..50_000).map(|row| format!("{row:06}\tvalue {row}\n")).collect();
    assert_eq!(sandbox.run_with(&["import", "--format", "tsv", "-"], rows.as_bytes()).code, 0);
    for arguments in [&["scan"][..], &["scan", "--json"], &["export", "--format", "csv", "-"]] {
        let mut child = sandbox.pentad(arguments).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        output.read_line(&mut String::new()).unwrap();
        drop(output);
        let mut errors = String::new();
        child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
        assert_eq!((child.wait().unwrap().code(), &*errors), (Some(0), ""), "{arguments:?}");
    }
}

#[test]
fn get_and_scan_show_the_store_as_it_was() {
    let sandbox = Sandbox::new();
    sandbox.done(&["put", "a", "1"]);
    sandbox.done(&["put", "b", "2"]);
    sandbox.done(&["put", "a", "3"]);
    sandbox.done(&["del", "b"]);
    assert_eq!(sandbox.done(&["get", "a", "--at", "2"]).text(), "1");
    assert_eq!(
        sandbox.done(&["get", "a", "--at", "3", "--json"]).text(),
        "{\"key\":\"a\",\"value\":\"3\"}\n"
    );
    assert_eq!(sandbox.run(&["get", "b", "--at", "4"]).code, 1);
    assert_eq!(sandbox.done(&["scan", "--at", "3"]).text(), "a\t3\nb\t2\n");
    assert_eq!(sandbox.done(&["scan", "--at", "2", "--reverse"]).text(), "b\t2\na\t1\n");
    assert_eq!(sandbox.done(&["scan", "--at", "1", "--keys"]).text(), "a\n");
    sandbox.done(&["prune", "--before", "3"]);
    insta::assert_snapshot!(sandbox.run(&["get", "a", "--at", "2"]).all(), @r"
    exit 3
    --- output
    --- messages
    pentad: the store as of commit 2 is not kept: retained from 3
    ");
    assert_eq!(sandbox.run(&["get", "a", "--at", "5"]).code, 3);
    assert_eq!(sandbox.run(&["get", "a", "--at", "5", "--damaged"]).code, 2);
}

#[test]
fn scan_counts_estimates_and_lists_by_age() {
    let sandbox = Sandbox::new();
    for key in ["b", "a", "c"] {
        sandbox.done(&["put", key, key]);
    }
    sandbox.done(&["put", "a", "again"]);
    let text = |arguments: &[&str]| sandbox.done(&[&["scan"], arguments].concat()).text().to_owned();
    assert_eq!(text(&["--count"]), "3\n");
    assert_eq!(text(&["--count", "--from", "b", "--json"]), "{\"count\":2}\n");
    assert_eq!(text(&["--count", "--from", "z", "--to", "a"]), "0\n");
    assert!(text(&["--estimate"]).starts_with("about 3 keys, "), "{}", text(&["--estimate"]));
    assert_eq!(text(&["--newest-first", "--keys"]), "a\nc\nb\n");
    assert_eq!(text(&["--newest-first", "--limit", "1"]), "a\tagain\n");
}

#[test]
fn a_scan_in_pages_gives_every_key_once_and_refuses_a_token_of_another() {
    let sandbox = Sandbox::new();
    for key in ["a", "b", "c", "d", "e"] {
        sandbox.done(&["put", key, ""]);
    }
    let (mut keys, mut token) = (Vec::new(), None::<String>);
    loop {
        let mut arguments = vec!["scan", "--keys", "--limit", "2", "--json", "--reverse"];
        match &token {
            None => arguments.push("--paged"),
            Some(token) => arguments.extend(["--resume", token]),
        }
        let mut rows = sandbox.done(&arguments).json();
        let next = rows.pop().unwrap()["next"].as_str().map(str::to_owned);
        keys.extend(rows.iter().map(|row| row["key"].as_str().unwrap().to_owned()));
        if next.is_none() {
            break;
        }
        token = next;
    }
    assert_eq!(keys, ["e", "d", "c", "b", "a"]);
    let first = sandbox.done(&["scan", "--keys", "--paged", "--limit", "3"]);
    let note = first.errors.trim();
    let token = note.rsplit(' ').next().unwrap();
    assert!(note.contains("there is more: --resume "), "{note}");
    assert_eq!(sandbox.done(&["scan", "--keys", "--resume", token]).text(), "d\ne\n");
    for arguments in
        [&["--resume", token, "--reverse"][..], &["--resume", token, "--from", "b"], &["--resume", "AbC"]]
    {
        let refused = sandbox.run(&[&["scan"], arguments].concat());
        assert_eq!(refused.code, 2, "{}", refused.errors);
    }
}
