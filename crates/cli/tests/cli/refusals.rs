//! Commands that must fail and must leave nothing behind.

use crate::support::Sandbox;

#[test]
fn reading_never_creates_a_store() {
    let sandbox = Sandbox::new();
    for arguments in [
        &["get", "k"][..],
        &["del", "k"],
        &["scan"],
        &["log"],
        &["stats"],
        &["verify"],
        &["compact"],
        &["export", "out"],
        &["export", "out.tsv"],
    ] {
        let ran = sandbox.run(arguments);
        assert_eq!(ran.code, 3, "{arguments:?}: {ran:?}");
        assert!(ran.errors.starts_with("pentad: "), "{}", ran.errors);
        assert_eq!(std::fs::read_dir(sandbox.path("")).unwrap().count(), 0, "{arguments:?} left something");
    }
}

#[test]
fn a_store_must_be_named() {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_pentad"));
    let output = command.args(["get", "k"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    insta::assert_snapshot!(
        String::from_utf8(output.stderr).unwrap(),
        @"pentad: which store? name its directory with --store DIR, or a cluster with --endpoints HOST:PORT,…"
    );
}
