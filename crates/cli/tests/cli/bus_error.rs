//! F10: somebody cuts a file that a running command has mapped. It ends by the signal, and says why.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::process::ExitStatusExt as _;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::Sandbox;

#[test]
fn f10_a_command_whose_file_is_cut_says_what_has_happened_and_ends_by_the_signal() {
    let sandbox = Sandbox::new();
    let rows: String = (0..20_000).map(|row| format!("{row:06}\t{}\n", "v".repeat(500))).collect();
    fs::write(sandbox.path("rows.tsv"), rows).unwrap();
    sandbox.done(&["import", "rows.tsv"]);
    let logs: Vec<_> = fs::read_dir(sandbox.path("store"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "log"))
        .collect();
    // It stops when the pipe is full, long before its end.
    let mut child = sandbox.pentad(&["scan"]).spawn().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    output.read_line(&mut String::new()).unwrap();
    for log in &logs {
        File::options().write(true).open(log).unwrap().set_len(4096).unwrap();
    }
    output.read_to_end(&mut Vec::new()).unwrap();
    let mut errors = String::new();
    child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
    let status = child.wait().unwrap();
    // SIGBUS is 7 or 10, as the system has it.
    assert!(matches!(status.signal(), Some(7 | 10)), "{status:?}: {errors}");
    assert!(
        errors.starts_with("pentad: SIGBUS: a file that is mapped into memory could not be read."),
        "{errors}"
    );
    assert!(errors.contains("`pentad --store DIR verify`"), "{errors}");
    assert_eq!(errors.matches("SIGBUS").count(), 1, "it is said once: {errors}");
    assert_eq!(sandbox.run(&["verify"]).code, 3);
}

/// It has nothing to do with files, so nothing is said about them.
#[test]
fn f10_a_signal_that_another_process_sends_is_passed_on_without_a_word() {
    let sandbox = Sandbox::new();
    sandbox.done(&["put", "k", "v"]);
    let mut child =
        sandbox.pentad(&["import", "--format", "tsv", "-"]).stdin(Stdio::piped()).spawn().unwrap();
    // The runtime's own handler lets the first one pass and takes itself away.
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "it lives on");
        kill_process(Pid::from_child(&child), Signal::BUS).unwrap();
        thread::sleep(Duration::from_millis(20));
    };
    assert!(matches!(status.signal(), Some(7 | 10)), "{status:?}");
    let mut errors = String::new();
    child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
    assert_eq!(errors, "");
    assert_eq!(sandbox.done(&["scan"]).text(), "k\tv\n");
}
