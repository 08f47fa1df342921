//! F25: the process may open next to no files.

use std::process::{Command, Stdio};

use crate::run::Ran;
use crate::support::Sandbox;

/// Runs the command with at most `files` descriptors, the three standard ones included.
fn run_with_files(sandbox: &Sandbox, files: u32, arguments: &[&str]) -> Ran {
    let mut command = Command::new("sh");
    command
        .args(["-c", &format!("ulimit -n {files} && exec \"$@\""), "sh"])
        .arg(env!("CARGO_BIN_EXE_pentad"));
    command.current_dir(sandbox.path("")).args(["--store", "store"]).args(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.output().unwrap().into()
}

/// However few descriptors there are, and wherever they run out: what is acknowledged is in, the rest is refused with a
/// message, and the store is sound.
#[test]
fn f25_running_out_of_descriptors_refuses_and_corrupts_nothing() {
    let sandbox = Sandbox::new();
    sandbox.done(&["put", "before", "v"]);
    let mut expected = "before\tv\n".to_owned();
    let (mut taken, mut refused) = (0, 0);
    // With fewer than four the loader of programs itself fails.
    for files in 4..24 {
        let key = format!("k{files:02}");
        let ran = run_with_files(&sandbox, files, &["put", &key, "v"]);
        match ran.code {
            0 => {
                expected.push_str(&format!("{key}\tv\n"));
                taken += 1;
            }
            3 => {
                assert!(ran.errors.starts_with("pentad: "), "{files} files: {}", ran.errors);
                assert!(ran.errors.contains("oo many open files"), "{files} files: {}", ran.errors);
                refused += 1;
            }
            code => panic!("{files} files: exit {code}: {}", ran.errors),
        }
        assert_eq!(sandbox.done(&["scan"]).text(), expected, "{files} files");
    }
    assert!(taken > 0 && refused > 0, "{taken} taken, {refused} refused");
    sandbox.done(&["verify"]);
}
