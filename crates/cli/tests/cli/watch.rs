//! watch.

use crate::support::Sandbox;

fn filled() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.done(&["put", "user:1", "Ada"]);
    sandbox.done(&["put", "other", "\\x00"]);
    sandbox.done(&["put", "user:1", "Grace"]);
    sandbox.done(&["del", "user:1", "other"]);
    sandbox
}

#[test]
fn watch_tells_every_change_once_and_ends() {
    let sandbox = filled();
    assert_eq!(
        sandbox.done(&["watch"]).text(),
        "1\tput\tuser:1\tAda\n2\tput\tother\t\\x00\n3\tput\tuser:1\tGrace\n4\tdelete\tuser:1\n4\tdelete\tother\n"
    );
    let text = |arguments: &[&str]| sandbox.done(&[&["watch"], arguments].concat()).text().to_owned();
    assert_eq!(
        text(&["--key", "user:1", "--previous"]),
        "1\tput\tuser:1\tAda\n3\tput\tuser:1\tGrace\twas\tAda\n4\tdelete\tuser:1\twas\tGrace\n"
    );
    assert_eq!(text(&["--prefix", "o", "--from", "3"]), "4\tdelete\tother\n");
    assert_eq!(text(&["--limit", "1"]), "1\tput\tuser:1\tAda\n");
    assert_eq!(text(&["--from", "5"]), "", "the next commit is not there yet");
    assert_eq!(sandbox.run(&["watch", "--from", "6"]).code, 2);
}

#[test]
fn watch_tells_programs_previous_values_and_times() {
    let sandbox = filled();
    let commits = sandbox.done(&["watch", "--json", "--previous", "--from", "3"]).json();
    assert_eq!(commits.len(), 2);
    assert!(commits[0]["time_ns"].as_u64().unwrap() > 0 && commits[0]["time"].is_string());
    insta::assert_snapshot!(
        commits[0]["changes"],
        @r#"[{"key":"user:1","op":"put","previous":"Ada","value":"Grace"}]"#
    );
    insta::assert_snapshot!(
        commits[1]["changes"],
        @r#"[{"key":"user:1","op":"delete","previous":"Grace"},{"key":"other","op":"delete","previous":"\u0000"}]"#
    );
}

#[test]
fn f12_watch_of_what_was_pruned_says_where_to_resume() {
    let sandbox = filled();
    sandbox.done(&["prune", "--before", "3"]);
    insta::assert_snapshot!(sandbox.run(&["watch", "--from", "2"]).all(), @r"
    exit 3
    --- output
    --- messages
    pentad: commit 2 was pruned, the oldest is 3; resume at 3
    ");
    assert_eq!(sandbox.done(&["watch", "--limit", "1"]).text(), "3\tput\tuser:1\tGrace\n");
}
