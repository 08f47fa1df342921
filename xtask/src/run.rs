//! Running other programs: the command is shown before it runs, its output is passed on, and its failure is an error
//! that names the command.
//!
//! Invariant: no program gets our standard input, so nothing waits for an answer that will never come.

use std::env;
use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::workspace;

/// A program with its arguments, ready to run.
#[derive(Debug)]
pub(crate) struct Task {
    command: Command,
    shown: String,
}

/// How many tests a run had.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tests {
    /// Ran and succeeded.
    pub(crate) passed: u64,
    /// Were left out by `#[ignore]`.
    pub(crate) ignored: u64,
    /// Found that they cannot run on this machine, and said why; these are not among the passed.
    pub(crate) skipped: Vec<String>,
}

impl Tests {
    /// For the summary of `ci`.
    pub(crate) fn note(&self) -> String {
        let passed = if self.passed == 1 { "1 test".to_owned() } else { format!("{} tests", self.passed) };
        if self.ignored == 0 { passed } else { format!("{passed}, {} ignored", self.ignored) }
    }
}

impl Task {
    /// A program found on the path, or given by its own path.
    pub(crate) fn program(program: impl AsRef<OsStr>, arguments: &[&str]) -> Self {
        let mut command = Command::new(program.as_ref());
        command.args(arguments).stdin(Stdio::null());
        let name = Path::new(program.as_ref()).file_name().unwrap_or(program.as_ref()).to_string_lossy();
        let mut shown = quoted(&name);
        for argument in arguments {
            shown.push(' ');
            shown.push_str(&quoted(argument));
        }
        Self { command, shown }
    }

    /// Cargo itself.
    pub(crate) fn cargo(arguments: &[&str]) -> Self {
        let mut task = Self::program(workspace::cargo(), arguments);
        // `cargo run` tells us about the package xtask. Build scripts must not see that: with these variables a build
        // started from here would differ from the same command typed into a shell, and be done twice.
        for (name, _) in env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
                task.command.env_remove(&name);
            }
        }
        task
    }

    /// Runs it in `directory`.
    pub(crate) fn directory(mut self, directory: &Path) -> Self {
        self.command.current_dir(directory);
        self
    }

    /// Sets a variable, and shows it before the command.
    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self.shown = format!("{name}={} {}", quoted(value), self.shown);
        self
    }

    /// The command as one would type it.
    pub(crate) fn shown(&self) -> &str {
        &self.shown
    }

    /// Runs it with its output on ours.
    pub(crate) fn run(mut self) -> Result<()> {
        println!("+ {}", self.shown);
        let status = self.command.status().map_err(|source| self.cannot_start(source))?;
        if status.success() { Ok(()) } else { Err(Error::Failed { command: self.shown, status }) }
    }

    /// Runs a test command with its output on ours and counts the tests. That none ran is an error.
    pub(crate) fn run_tests(self) -> Result<Tests> {
        self.watch_tests(&mut |_| {})
    }

    /// The same, with each line of standard output shown to `watch` as well.
    pub(crate) fn watch_tests(mut self, watch: &mut dyn FnMut(&str)) -> Result<Tests> {
        println!("+ {}", self.shown);
        let mut child =
            self.command.stdout(Stdio::piped()).spawn().map_err(|source| self.cannot_start(source))?;
        let output = child.stdout.take().expect("standard output was asked for as a pipe");
        let passed_on = pass_on(output, &mut io::stdout().lock(), watch);
        let status = child.wait().map_err(|source| self.lost_output(source))?;
        let tests = passed_on.map_err(|source| self.lost_output(source))?;
        if !status.success() {
            return Err(Error::Failed { command: self.shown, status });
        }
        if tests.passed == 0 && tests.skipped.is_empty() {
            return Err(Error::NoTest { command: self.shown });
        }
        Ok(tests)
    }

    /// Runs it with its output on ours, and stops it when it takes longer than `limit`.
    pub(crate) fn run_within(mut self, limit: Duration) -> Result<()> {
        println!("+ {}", self.shown);
        let started = Instant::now();
        let mut child = self.command.spawn().map_err(|source| self.cannot_start(source))?;
        loop {
            if let Some(status) = child.try_wait().map_err(|source| self.lost_output(source))? {
                return if status.success() {
                    Ok(())
                } else {
                    Err(Error::Failed { command: self.shown, status })
                };
            }
            if started.elapsed() > limit {
                child.kill().and_then(|()| child.wait()).map_err(|source| self.lost_output(source))?;
                return Err(Error::Overdue { command: self.shown, seconds: limit.as_secs() });
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Runs it silently and gives what it wrote to standard output.
    pub(crate) fn answer(mut self) -> Result<String> {
        let output = self.command.output().map_err(|source| self.cannot_start(source))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(Error::Answer { command: self.shown, status: output.status, output: said })
    }

    fn cannot_start(&self, source: io::Error) -> Error {
        Error::Start { command: self.shown.clone(), source }
    }

    fn lost_output(&self, source: io::Error) -> Error {
        Error::Output { command: self.shown.clone(), source }
    }
}

/// Copies every line as it comes and adds up the test runner's closing lines.
fn pass_on(from: impl Read, to: &mut impl Write, watch: &mut dyn FnMut(&str)) -> io::Result<Tests> {
    let mut from = BufReader::new(from);
    let mut tests = Tests::default();
    let mut skipped = 0;
    let mut line = Vec::new();
    loop {
        line.clear();
        if from.read_until(b'\n', &mut line)? == 0 {
            to.flush()?;
            return Ok(tests);
        }
        to.write_all(&line)?;
        let text = String::from_utf8_lossy(&line);
        watch(text.trim_end());
        if let Some(counts) = text.strip_prefix("test result: ") {
            tests.passed += count_before(counts, " passed");
            tests.ignored += count_before(counts, " ignored");
            // To the test runner a test that gave up is one that passed.
            tests.passed = tests.passed.saturating_sub(std::mem::take(&mut skipped));
        } else if let Some(why) = text.strip_prefix("skipped: ") {
            tests.skipped.push(why.trim_end().to_owned());
            skipped += 1;
        }
    }
}

/// The number that stands right before `word`; 0 when there is none.
fn count_before(text: &str, word: &str) -> u64 {
    let digits = text.split(word).next().and_then(|before| before.rsplit(' ').next());
    digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

/// `text` as a shell takes it for one word.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests;
