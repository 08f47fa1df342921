//! repair and --damaged: what a shell gets out of a store that refuses to open.

use std::fs;
use std::path::PathBuf;

use crate::run::Ran;
use crate::support::Sandbox;

/// A store of four commits; the keys of the third fail their checksum.
fn damaged() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.done(&["put", "a", "1"]);
    sandbox.done(&["put", "key-that-rots", "older"]);
    sandbox.done(&["put", "key-that-rots", "newer"]);
    sandbox.done(&["put", "z", "26"]);
    flip(&sandbox, b"key-that-rots", 1);
    sandbox
}

/// Flips a bit of the `nth` place where `needle` stands in a log segment.
fn flip(sandbox: &Sandbox, needle: &[u8], nth: usize) {
    let (path, mut bytes) =
        logs(sandbox).into_iter().find(|(_, bytes)| places(bytes, needle).count() > nth).unwrap();
    let at = places(&bytes, needle).nth(nth).unwrap();
    bytes[at] ^= 1;
    fs::write(path, bytes).unwrap();
}

fn places<'a>(bytes: &'a [u8], needle: &'a [u8]) -> impl Iterator<Item = usize> {
    bytes.windows(needle.len()).enumerate().filter(move |(_, window)| *window == needle).map(|(at, _)| at)
}

fn files(sandbox: &Sandbox) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files: Vec<_> =
        fs::read_dir(sandbox.path("store")).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    files.into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

fn logs(sandbox: &Sandbox) -> Vec<(PathBuf, Vec<u8>)> {
    let is_log = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "log");
    files(sandbox).into_iter().filter(|(path, _)| is_log(path)).collect()
}

/// Everything that can be compared, without the place of the sandbox and the time it took.
fn shown(sandbox: &Sandbox, ran: &Ran) -> String {
    let text = ran.all().replace(sandbox.path("").to_str().unwrap(), "");
    let mut shown = String::new();
    for line in text.lines() {
        match line.strip_prefix("repaired: ").and_then(|rest| rest.split_once(" in new, ")) {
            Some((what, _)) => {
                shown.push_str(&format!("repaired: {what} in new, TIME; sequences begin anew"))
            }
            None => shown.push_str(line),
        }
        shown.push('\n');
    }
    shown
}

#[test]
fn f03_a_refused_store_names_repair_as_the_next_step() {
    let sandbox = damaged();
    let ran = sandbox.run(&["get", "a"]);
    insta::assert_snapshot!(shown(&sandbox, &ran));
    let verified = sandbox.run(&["verify"]);
    assert_eq!(verified.code, 3);
    assert!(verified.errors.contains("`pentad repair`"), "{verified:?}");
}

#[test]
fn f03_repair_copies_what_is_good_and_names_the_rest() {
    let sandbox = damaged();
    flip(&sandbox, b"26", 0);
    let before = files(&sandbox);
    let ran = sandbox.run(&["repair", "new"]);
    insta::assert_snapshot!(shown(&sandbox, &ran));
    assert_eq!(files(&sandbox), before, "the damaged store is only read");
    let scanned: Ran = sandbox.pentad_on("new", &["scan"]).output().unwrap().into();
    assert_eq!((scanned.code, scanned.text()), (0, "a\t1\nkey-that-rots\tolder\n"));
    let verified: Ran = sandbox.pentad_on("new", &["verify"]).output().unwrap().into();
    assert_eq!(verified.code, 0, "{verified:?}");
    let again = sandbox.run(&["repair", "new"]);
    insta::assert_snapshot!(shown(&sandbox, &again), @r"
    exit 2
    --- output
    --- messages
    pentad: cannot make a store at new: something is there already; name a new directory
    ");
}

#[test]
fn f03_the_json_report_of_a_repair_keeps_its_schema() {
    let sandbox = damaged();
    flip(&sandbox, b"26", 0);
    let ran = sandbox.run(&["repair", "new", "--json"]);
    assert_eq!(ran.code, 3, "{ran:?}");
    let mut report = ran.json().remove(0);
    assert!(report["seconds"].as_f64().is_some_and(|seconds| seconds > 0.0));
    report["seconds"] = "TIME".into();
    let text = format!("{report:#}").replace(sandbox.path("").to_str().unwrap(), "");
    insta::assert_snapshot!(text);
}

#[test]
fn repair_of_a_sound_store_is_a_copy() {
    let sandbox = Sandbox::new();
    sandbox.done(&["put", "a", "1"]);
    let ran = sandbox.run(&["repair", "new"]);
    insta::assert_snapshot!(shown(&sandbox, &ran), @r"
    exit 0
    --- output
    repaired: 1 entry (2 bytes) in new, TIME; sequences begin anew
    --- messages
    ");
    let absent: Ran = sandbox.pentad_on("nowhere", &["repair", "other"]).output().unwrap().into();
    assert_eq!(absent.code, 3, "{absent:?}");
    assert!(!sandbox.path("other").exists() && !sandbox.path("nowhere").exists());
}

#[test]
fn f03_a_damaged_store_is_read_with_a_warning_when_that_is_asked_for() {
    let sandbox = damaged();
    let before = files(&sandbox);
    let got = sandbox.run(&["get", "--damaged", "key-that-rots"]);
    assert_eq!((got.code, got.text()), (0, "older"));
    insta::assert_snapshot!(shown(&sandbox, &got));
    let warning = got.errors;
    for (arguments, output) in [
        (&["scan", "--damaged"][..], "a\t1\nkey-that-rots\tolder\nz\t26\n"),
        (&["export", "--damaged", "--format", "tsv", "-"], "a\t1\nkey-that-rots\tolder\nz\t26\n"),
    ] {
        let ran = sandbox.run(arguments);
        assert_eq!((ran.code, ran.text(), &ran.errors), (0, output, &warning), "{arguments:?}");
    }
    let stats = sandbox.run(&["stats", "--damaged", "--json"]);
    assert_eq!((stats.code, &stats.json()[0]["keys"], stats.errors), (0, &3.into(), warning));
    assert_eq!(files(&sandbox), before);
    let refused = sandbox.run(&["put", "--damaged", "k", "v"]);
    assert_eq!(refused.code, 2, "only reading: {refused:?}");
}

#[test]
fn reading_a_sound_store_as_a_damaged_one_warns_of_nothing() {
    let sandbox = Sandbox::new();
    sandbox.done(&["put", "a", "1"]);
    let ran = sandbox.done(&["get", "--damaged", "a"]);
    assert_eq!((ran.text(), &*ran.errors), ("1", ""));
}

#[test]
fn f03_without_catalogs_or_identity_repair_still_reads_the_segments() {
    for lost in [&["catalog.0", "catalog.1"][..], &["identity"]] {
        let sandbox = Sandbox::new();
        sandbox.done(&["put", "a", "1"]);
        for name in lost {
            fs::remove_file(sandbox.path("store").join(name)).unwrap();
        }
        assert_eq!(sandbox.run(&["get", "a"]).code, 3, "{lost:?}");
        let before = files(&sandbox);
        let ran = sandbox.run(&["repair", "new"]);
        assert_eq!(ran.code, if lost.len() == 2 { 3 } else { 0 }, "{lost:?}: {ran:?}");
        assert_eq!(files(&sandbox), before, "{lost:?}");
        let got: Ran = sandbox.pentad_on("new", &["get", "a"]).output().unwrap().into();
        assert_eq!((got.code, got.text()), (0, "1"), "{lost:?}");
    }
}
