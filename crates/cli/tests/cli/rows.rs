//! Import and export of rows: lines, tsv, csv, jsonl.

use std::fs;

use crate::support::Sandbox;

/// Imports a file, exports it under the same extension, and gives back what came out.
fn round_trip(extension: &str, contents: &[u8], options: &[&str]) -> Vec<u8> {
    let sandbox = Sandbox::new();
    let (input, output) = (format!("in.{extension}"), format!("out.{extension}"));
    sandbox.write(&input, contents);
    sandbox.done(&[&["import", &input], options].concat());
    sandbox.done(&[&["export", &output], options].concat());
    sandbox.done(&["verify"]);
    sandbox.read(&output)
}

#[test]
fn every_format_gives_back_what_it_took() {
    for (extension, contents, options) in [
        ("lines", &b"one\n\n\xff\x00\ttwo\r\n"[..], &[][..]),
        ("txt", b"a\\x0ab\n", &["--escaped"]),
        ("tsv", b"\t\na\tb\tc\nk\xff\t\x00\r\n", &[]),
        ("tsv", b"a\\x09\\x0a\tb\\\\\n", &["--escaped"]),
        ("csv", "key,value\n\"a,b\",\"1\n2\"\nk,é\n".as_bytes(), &[]),
        ("csv", b"a,b\nkey,value\n", &["--no-header"]),
        ("csv", b"key,value\na,\\xff\n", &["--escaped"]),
        (
            "jsonl",
            b"{\"key\":\"a\",\"value\":\"b\\n\"}\n{\"key_base64\":\"/w==\",\"value_base64\":\"/g==\"}\n",
            &[],
        ),
        ("lines", b"", &[]),
        ("csv", b"key,value\n", &[]),
    ] {
        let came_back = round_trip(extension, contents, options);
        assert_eq!(came_back.escape_ascii().to_string(), contents.escape_ascii().to_string(), "{extension}");
    }
}

#[test]
fn deadlines_travel_through_jsonl() {
    let row = b"{\"key\":\"k\",\"value\":\"v\",\"expires_ns\":18000000000000000000}\n";
    assert_eq!(round_trip("jsonl", row, &[]), row);
}

#[test]
fn a_last_line_without_a_newline_is_an_entry() {
    assert_eq!(round_trip("lines", b"a\nb", &[]), b"a\nb\n");
    assert_eq!(round_trip("tsv", b"a\tb", &[]), b"a\tb\n");
}

#[test]
fn lines_are_numbered_with_zeros_in_front() {
    let sandbox = Sandbox::new();
    assert_eq!(sandbox.run_with(&["import", "--format", "lines", "-"], b"x\ny\n").code, 0);
    assert_eq!(sandbox.done(&["scan"]).text(), "000000000001\tx\n000000000002\ty\n");
}

#[test]
fn an_import_says_what_it_did_and_what_to_try() {
    let sandbox = Sandbox::new();
    sandbox.write("users.tsv", "user:1\tAda\nuser:2\tGrace\n");
    insta::assert_snapshot!(sandbox.done(&["import", "users.tsv"]).all(), @"
    exit 0
    --- output
    imported 2 entries (20 bytes) into store in TIME: RATES

    try next:
      pentad --store store get user:1
      pentad --store store scan --keys --prefix user:
      pentad --store store stats
    --- messages
    ");
}

#[test]
fn a_malformed_row_ends_the_import_and_says_what_is_in() {
    let sandbox = Sandbox::new();
    let rows: String = (1..=2_500).map(|row| format!("{row:04}\tv\n")).collect();
    sandbox.write("in.tsv", format!("{rows}no tab\n9999\tv\n"));
    insta::assert_snapshot!(sandbox.run(&["import", "in.tsv"]).all(), @"
    exit 2
    --- output
    --- messages
    pentad: in.tsv line 2,501: there is no tab between a key and a value
    pentad: 2,500 entries are in and durable, through line 2,500; nothing after that is
    ");
    assert_eq!(sandbox.done(&["scan", "--raw"]).text(), rows);
}

#[test]
fn f14_a_key_beyond_the_limit_is_refused_with_limit_and_length() {
    let sandbox = Sandbox::new();
    let mut rows = b"fine\tv\n".to_vec();
    rows.extend(vec![b'k'; 65_536]);
    rows.extend(b"\tv\n");
    let ran = sandbox.run_with(&["import", "--format", "tsv", "-"], &rows);
    assert_eq!(ran.code, 2);
    assert!(ran.errors.contains("line 2: the key has 65536 bytes, and keys end at 65535"), "{}", ran.errors);
    assert_eq!(sandbox.done(&["scan"]).text(), "fine\tv\n");
}

#[test]
fn acknowledgements_come_as_entries_become_durable() {
    let sandbox = Sandbox::new();
    let rows: String = (0..1_000).map(|row| format!("{row}\tv\n")).collect();
    sandbox.write("in.tsv", rows);
    let objects = sandbox.done(&["import", "in.tsv", "--json", "--batch", "10"]).json();
    let (summary, acknowledged) = objects.split_last().unwrap();
    let counts: Vec<_> = acknowledged.iter().map(|object| object["committed"].as_u64().unwrap()).collect();
    assert!(counts.len() > 5 && counts.is_sorted(), "{counts:?}");
    assert_eq!(counts.last(), Some(&1_000));
    assert!(
        acknowledged
            .iter()
            .all(|object| object["sequence"].as_u64() == object["committed"].as_u64().map(|n| n / 10))
    );
    assert_eq!((&summary["imported"], &summary["last_sequence"]), (&1_000.into(), &100.into()));
    let names: Vec<_> = summary.as_object().unwrap().keys().map(String::as_str).collect();
    insta::assert_snapshot!(names.join(" "), @"bytes first_sequence imported last_sequence seconds skipped_links skipped_special store");
}

#[test]
fn an_import_whose_acknowledgements_nobody_reads_stops_and_says_what_is_in() {
    let sandbox = Sandbox::new();
    let rows: String = (0..1_000).map(|row| format!("{row}\tv\n")).collect();
    sandbox.write("in.tsv", rows);
    let mut child = sandbox.pentad(&["import", "in.tsv", "--json", "--batch", "10"]).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{errors}");
    assert!(errors.starts_with("pentad: standard output was closed\npentad: "), "{errors}");
    assert!(errors.contains("entries are in and durable, through line"), "{errors}");
    sandbox.done(&["verify"]);
}

#[test]
fn the_form_of_the_input_must_be_known() {
    let sandbox = Sandbox::new();
    sandbox.write("data.bin", "");
    sandbox.write("tree/file", "");
    for (arguments, message) in [
        (&["import", "data.bin"][..], "cannot tell the form of data.bin"),
        (&["import", "-"], "cannot tell the form of standard input"),
        (&["import", "missing.tsv"], "cannot import missing.tsv"),
        (&["import", "--format", "dir", "data.bin"], "data.bin is not a directory"),
        (&["import", "--format", "tsv", "tree"], "tree is a directory"),
        (&["import", "--format", "tsv", "--all", "data.bin"], "--all is for dir"),
        (&["import", "--format", "jsonl", "--escaped", "data.bin"], "--escaped is for lines, tsv and csv"),
        (&["import", "--format", "tsv", "--header", "data.bin"], "--header is for csv"),
    ] {
        let ran = sandbox.run(arguments);
        assert_eq!(ran.code, 2, "{arguments:?}: {ran:?}");
        assert!(ran.errors.contains(message), "{arguments:?}: {}", ran.errors);
        assert!(!sandbox.path("store").exists(), "{arguments:?} made a store");
    }
}

#[test]
fn what_a_format_cannot_hold_is_refused_by_name_and_leaves_no_file() {
    let sandbox = Sandbox::new();
    sandbox.done(&["put", "a\\x09b", "v\\x0aw\\xff"]);
    for (file, message) in [
        ("out.tsv", "tsv cannot hold key \"a\\x09b\": its key holds a tab"),
        ("out.csv", "csv cannot hold key \"a\\x09b\": its value is not UTF-8"),
        ("out.lines", "lines cannot hold key \"a\\x09b\""),
    ] {
        let ran = sandbox.run(&["export", file]);
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.errors.contains(message) && ran.errors.contains("was not written"), "{}", ran.errors);
        assert_eq!(fs::read_dir(sandbox.path("")).unwrap().count(), 1, "something was left beside the store");
    }
    let ran = sandbox.run(&["export", "--format", "lines", "--drop-keys", "-"]);
    assert!(ran.errors.contains("its value holds a newline"), "{}", ran.errors);
    assert_eq!(
        sandbox.done(&["export", "--format", "tsv", "--escaped", "-"]).text(),
        "a\\x09b\tv\\x0aw\\xff\n"
    );
}

#[test]
fn an_export_replaces_a_file_only_when_forced() {
    let sandbox = Sandbox::new();
    sandbox.done(&["put", "k", "v"]);
    sandbox.write("out.tsv", "mine");
    assert_eq!(sandbox.run(&["export", "out.tsv"]).code, 2);
    assert_eq!(sandbox.read("out.tsv"), b"mine");
    sandbox.done(&["export", "out.tsv", "--force"]);
    assert_eq!(sandbox.read("out.tsv"), b"k\tv\n");
}

#[test]
fn a_million_lines_go_in_and_come_out() {
    let sandbox = Sandbox::new();
    let rows: String = (0..1_000_000).map(|row| format!("user:{row:012}\tvalue of row {row}\n")).collect();
    sandbox.write("in.tsv", &rows);
    sandbox.done(&["import", "in.tsv"]);
    assert!(sandbox.done(&["scan", "--raw"]).bytes == rows.as_bytes());
    let report = &sandbox.done(&["verify", "--json"]).json()[0];
    assert_eq!(report["entries"], 1_000_000);
    assert_eq!(sandbox.done(&["get", "user:000000777777"]).bytes, b"value of row 777777");
    let stats = &sandbox.done(&["stats", "--json"]).json()[0];
    assert_eq!((&stats["keys"], &stats["sequence"]), (&1_000_000.into(), &1_000.into()));
}
