//! The words of `--help` are a promise: formats, schemas, exit codes. They change on purpose only.

use crate::support::Sandbox;

#[test]
fn help_says_what_can_be_done() {
    insta::assert_snapshot!("help", Sandbox::new().done(&["--help"]).text());
}

#[test]
fn every_verb_has_help() {
    let sandbox = Sandbox::new();
    for verb in [
        "import",
        "export",
        "get",
        "put",
        "del",
        "scan",
        "log",
        "prune",
        "stats",
        "verify",
        "repair",
        "compact",
        "backup",
        "backups",
        "restore",
        "info",
        "expire",
        "incr",
        "txn",
        "watch",
        "namespaces",
    ] {
        insta::assert_snapshot!(format!("help_{verb}"), sandbox.done(&[verb, "--help"]).text());
    }
}

#[test]
fn a_command_that_makes_no_sense_is_a_usage_error() {
    let sandbox = Sandbox::new();
    for arguments in
        [&["frobnicate"][..], &[], &["get"], &["scan", "--limit", "few"], &["import", "--batch", "0", "-"]]
    {
        let ran = sandbox.run(arguments);
        assert_eq!(ran.code, 2, "{arguments:?}");
        assert!(!ran.errors.is_empty());
    }
}
