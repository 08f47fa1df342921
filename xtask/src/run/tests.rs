//! Tests of running programs: failures are errors, nothing waits, and a run without tests does not count.

use std::env;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::{Task, Tests, pass_on, quoted};
use crate::error::Error;

#[test]
fn a_failing_command_is_an_error_that_names_it() {
    // An unset key: the quietest failure that git has.
    let error = Task::program("git", &["config", "--get", "pentad.unset"]).run().unwrap_err();
    assert!(matches!(error, Error::Failed { .. }), "{error:?}");
    assert!(error.to_string().starts_with("`git config --get pentad.unset` ended with"), "{error}");
}

#[test]
fn a_missing_program_is_an_error_that_names_it() {
    let error = Task::program("no-such-program-anywhere", &[]).run().unwrap_err();
    assert!(error.to_string().starts_with("`no-such-program-anywhere` could not be started"), "{error}");
}

#[test]
fn an_answer_is_what_was_written() {
    assert!(Task::cargo(&["--version"]).answer().unwrap().starts_with("cargo "));
    let error = Task::cargo(&["no-such-subcommand-of-cargo"]).answer().unwrap_err();
    assert!(error.to_string().contains("no such command"), "{error}");
}

#[test]
fn variables_and_quotes_are_shown_as_one_would_type_them() {
    let task = Task::program("cargo", &["test", "--", "a b"]).variable("RUSTFLAGS", "--cfg loom");
    assert_eq!(task.shown, "RUSTFLAGS='--cfg loom' cargo test -- 'a b'");
    assert_eq!(quoted("it's"), r"'it'\''s'");
    assert_eq!(quoted(""), "''");
}

#[test]
fn the_lines_of_all_test_binaries_are_added_up_and_passed_on() {
    let output = "running 2 tests\ntest a ... ok\n\n\
        test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\
        test result: ok. 40 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.00s\n";
    let (mut seen, mut lines) = (Vec::new(), 0);
    let counted = pass_on(output.as_bytes(), &mut seen, &mut |_| lines += 1).unwrap();
    assert_eq!(counted, Tests { passed: 42, ignored: 1, skipped: Vec::new() });
    assert_eq!(seen, output.as_bytes());
    assert_eq!(lines, output.lines().count());
}

#[test]
fn ignored_tests_are_mentioned() {
    assert_eq!(Tests { passed: 1, ..Tests::default() }.note(), "1 test");
    assert_eq!(Tests { passed: 2, ignored: 3, ..Tests::default() }.note(), "2 tests, 3 ignored");
}

#[test]
fn a_run_without_a_test_is_an_error() {
    let error = Task::program("git", &["rev-parse"]).run_tests().unwrap_err();
    assert!(matches!(error, Error::NoTest { .. }), "{error:?}");
}

#[cfg(unix)]
#[test]
fn a_program_that_does_not_end_is_stopped() {
    let error = Task::program("sleep", &["600"]).run_within(Duration::from_millis(50)).unwrap_err();
    assert!(matches!(error, Error::Overdue { .. }), "{error:?}");
}

#[cfg(unix)]
#[test]
fn a_program_that_reads_its_input_finds_the_end_of_it() {
    const AGAIN: &str = "PENTAD_INPUT_IS_OPEN";
    if env::var_os(AGAIN).is_some() {
        Task::program("cat", &[]).run_within(Duration::from_secs(5)).unwrap();
        return;
    }
    // Whoever runs the tests may have closed our standard input already. So this test runs itself again with one
    // that stays open: a program that inherited it would wait for ever.
    let name = "run::tests::a_program_that_reads_its_input_finds_the_end_of_it";
    let mut again = Command::new(env::current_exe().unwrap());
    again
        .args(["--exact", name])
        .env(AGAIN, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut again = again.spawn().unwrap();
    let held_open = again.stdin.take();
    assert!(again.wait().unwrap().success());
    drop(held_open);
}

#[test]
fn a_test_that_could_not_run_is_not_counted_as_passed() {
    let output = "test full ... \nskipped: full: no namespaces\nok\ntest result: ok. 3 passed; 0 failed\n\
                  test result: ok. 1 passed; 0 failed\n";
    let tests = pass_on(output.as_bytes(), &mut Vec::new(), &mut |_| {}).unwrap();
    assert_eq!(tests, Tests { passed: 3, ignored: 0, skipped: vec!["full: no namespaces".to_owned()] });
}
