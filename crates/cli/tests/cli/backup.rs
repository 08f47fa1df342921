//! backup, backups, restore: as a shell uses them.

use std::fs;

use crate::run::Ran;
use crate::support::Sandbox;

fn restore(sandbox: &Sandbox, store: &str, arguments: &[&str]) -> Ran {
    let arguments: Vec<&str> = ["restore", "backups"].iter().chain(arguments).copied().collect();
    sandbox.pentad_on(store, &arguments).output().unwrap().into()
}

/// The output without what differs from run to run: times, and sizes, because the store notes how far it is durable when
/// it comes to that.
fn shown(ran: &Ran) -> String {
    let text = sizeless(&ran.all());
    let lines = text.lines().map(|line| {
        let line = match line.split_once(" in copy, ") {
            Some((what, _)) => format!("{what} in copy, TIME"),
            None => line.to_owned(),
        };
        match line.split_once("\t20") {
            Some((number, rest)) => format!("{number}\tTIME{}", &rest[rest.find('\t').unwrap_or(0)..]),
            None => line,
        }
    });
    lines.fold(String::new(), |all, line| all + &line + "\n")
}

fn sizeless(text: &str) -> String {
    let mut parts = text.split(" bytes");
    let first = parts.next().unwrap_or_default().to_owned();
    let without_number = |text: String| text.trim_end_matches(|c: char| c.is_ascii_digit()).to_owned();
    parts.fold(first, |text, part| without_number(text) + "N bytes" + part)
}

#[test]
fn a_store_is_backed_up_twice_and_either_backup_can_be_restored() {
    let sandbox = Sandbox::new();
    sandbox.done(&["put", "a", "1"]);
    insta::assert_snapshot!("backup_first", shown(&sandbox.done(&["backup", "backups"])));
    sandbox.done(&["put", "a", "2"]);
    sandbox.done(&["put", "b", "2"]);
    sandbox.done(&["backup", "backups"]);
    insta::assert_snapshot!("backup_list", shown(&sandbox.done(&["backups", "backups"])));
    insta::assert_snapshot!("backup_restored", shown(&restore(&sandbox, "copy", &[])));
    assert_eq!(restore(&sandbox, "older", &["--number", "1"]).code, 0);
    let get = |store: &str| Ran::from(sandbox.pentad_on(store, &["get", "a"]).output().unwrap()).bytes;
    assert_eq!((get("copy"), get("older")), (b"2".to_vec(), b"1".to_vec()));
    let kept = sandbox.done(&["backup", "backups", "--keep", "1", "--json"]).json();
    assert_eq!((&kept[0]["number"], &kept[0]["given_up"]), (&3.into(), &2.into()));
    let listed = sandbox.done(&["backups", "backups", "--json"]).json();
    assert_eq!((listed.len(), &listed[0]["number"], &listed[0]["sequence"]), (1, &3.into(), &3.into()));
}

#[test]
fn f25_a_restoration_over_what_is_there_is_refused_and_changes_nothing() {
    let sandbox = Sandbox::new();
    sandbox.done(&["put", "a", "1"]);
    sandbox.done(&["backup", "backups"]);
    sandbox.done(&["put", "a", "2"]);
    let refused = restore(&sandbox, "store", &[]);
    assert_eq!(refused.code, 2, "{}", refused.errors);
    assert!(refused.errors.contains("something is there already"), "{}", refused.errors);
    assert_eq!(sandbox.done(&["get", "a"]).bytes, b"2");
    for (arguments, words) in [
        (&["restore", "nowhere"][..], "there are no backups at nowhere"),
        (&["restore", "backups", "--number", "7"], "there is no backup 7"),
        (&["backups", "store"], "it is a store"),
    ] {
        let ran = Ran::from(sandbox.pentad_on("new", arguments).output().unwrap());
        assert_eq!(ran.code, 2, "{}", ran.errors);
        assert!(ran.errors.contains(words), "{}", ran.errors);
    }
    let inside = sandbox.run(&["backup", "store/backups"]);
    assert_eq!(inside.code, 2, "{}", inside.errors);
}

#[test]
fn f03_a_backup_that_has_rotted_is_restored_only_when_that_is_asked_for() {
    let sandbox = Sandbox::new();
    sandbox.done(&["put", "a", "the value that rots"]);
    sandbox.done(&["put", "b", "another"]);
    sandbox.done(&["backup", "backups"]);
    let segment = fs::read_dir(sandbox.path("backups/segments")).unwrap().next().unwrap().unwrap().path();
    let mut bytes = fs::read(&segment).unwrap();
    let at = bytes.windows(5).position(|window| window == b"value").unwrap();
    bytes[at] ^= 1;
    fs::write(&segment, bytes).unwrap();
    let refused = restore(&sandbox, "copy", &[]);
    assert_eq!(refused.code, 3, "{}", refused.errors);
    assert!(refused.errors.contains("an earlier backup may be whole"), "{}", refused.errors);
    assert!(!sandbox.path("copy").exists());
    let damaged = restore(&sandbox, "copy", &["--damaged"]);
    assert_eq!(damaged.code, 3, "{}", damaged.errors);
    assert!(damaged.text().starts_with("damaged: copy/"), "{}", damaged.text());
    assert_eq!(Ran::from(sandbox.pentad_on("copy", &["get", "b"]).output().unwrap()).bytes, b"another");
}
