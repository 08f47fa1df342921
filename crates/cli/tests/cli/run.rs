//! Running a command to its end, and the parts of its output that are the same every time.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Output, Stdio};
use std::thread;

use crate::support::Sandbox;

/// What a command left behind.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) bytes: Vec<u8>,
    pub(crate) errors: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let code = output.status.code().unwrap_or_else(|| panic!("ended by a signal: {output:?}"));
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(!errors.contains("panicked"), "{errors}");
        Self { code, bytes: output.stdout, errors }
    }
}

impl Ran {
    /// Standard output as text.
    pub(crate) fn text(&self) -> &str {
        str::from_utf8(&self.bytes).unwrap()
    }

    /// Everything that can be compared from run to run: code, output, messages.
    pub(crate) fn all(&self) -> String {
        format!(
            "exit {}\n--- output\n{}--- messages\n{}",
            self.code,
            settled(self.text()),
            settled(&self.errors)
        )
    }

    /// The lines of standard output as JSON.
    pub(crate) fn json(&self) -> Vec<serde_json::Value> {
        self.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl Sandbox {
    /// Runs to the end without input.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.pentad(arguments).output().unwrap().into()
    }

    /// Runs to the end and expects success.
    pub(crate) fn done(&self, arguments: &[&str]) -> Ran {
        let ran = self.run(arguments);
        assert_eq!(ran.code, 0, "{arguments:?}: {}", ran.errors);
        ran
    }

    /// Runs to the end with `input` on standard input.
    pub(crate) fn run_with(&self, arguments: &[&str], input: &[u8]) -> Ran {
        let mut child = self.pentad(arguments).stdin(Stdio::piped()).spawn().unwrap();
        let mut pipe = child.stdin.take().unwrap();
        let input = input.to_vec();
        // The command may stop reading early, which is its right.
        let feeder = thread::spawn(move || drop(pipe.write_all(&input)));
        let ran = child.wait_with_output().unwrap().into();
        feeder.join().unwrap();
        ran
    }

    /// Writes a file, and the directories that it is in.
    pub(crate) fn write(&self, path: impl AsRef<Path>, contents: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, contents).unwrap();
    }

    /// Reads a file.
    pub(crate) fn read(&self, path: impl AsRef<Path>) -> Vec<u8> {
        fs::read(self.path(path)).unwrap()
    }
}

/// `text` without times, rates and the place of the binary.
fn settled(text: &str) -> String {
    let mut settled = String::new();
    for line in text.replace(env!("CARGO_BIN_EXE_pentad"), "pentad").lines() {
        let kept = match line.find(" in ") {
            Some(at) if line.ends_with("/s") && line.contains("entries/s") => &line[..at],
            _ => line,
        };
        settled.push_str(kept);
        settled.push_str(if kept.len() < line.len() { " in TIME: RATES\n" } else { "\n" });
    }
    settled
}
