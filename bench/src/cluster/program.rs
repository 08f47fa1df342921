//! Another process: started, spoken to line by line, its processor time read, ended with its handle.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use nix::unistd::{SysconfVar, sysconf};

use crate::error::{Error, Result};

/// How long a process may take to end by itself.
const END_MAX: Duration = Duration::from_secs(15);

/// A running process.
#[derive(Debug)]
pub(super) struct Program {
    path: PathBuf,
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    /// Whether it ends by itself when nobody is there to tell it more.
    listens: bool,
}

impl Program {
    /// Starts this program again with these arguments.
    pub(super) fn again(arguments: &[&str]) -> Result<Self> {
        let path = std::env::current_exe()
            .map_err(|error| Error::System { what: "the path of this program", reason: error.to_string() })?;
        let mut program = Self::start(&path, arguments)?;
        program.listens = true;
        Ok(program)
    }

    /// Starts a program, which is killed in the end: its data is nobody's any more then.
    pub(super) fn start(path: &Path, arguments: &[&str]) -> Result<Self> {
        let mut command = Command::new(path);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(Error::file(path))?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let stdout = BufReader::new(stdout.expect("it is a pipe"));
        Ok(Self { path: path.to_owned(), child, stdin, stdout, listens: false })
    }

    /// Sends a line.
    pub(super) fn tell(&mut self, line: &str) -> Result<()> {
        let path = &self.path;
        let Some(stdin) = &mut self.stdin else { return Err(self.ended()) };
        writeln!(stdin, "{line}").and_then(|()| stdin.flush()).map_err(Error::file(path))
    }

    /// Waits for a line.
    pub(super) fn hear(&mut self) -> Result<String> {
        let mut line = String::new();
        self.stdout.read_line(&mut line).map_err(Error::file(&self.path))?;
        if line.is_empty() {
            return Err(self.ended());
        }
        Ok(line.trim_end().to_owned())
    }

    fn ended(&self) -> Error {
        Error::System {
            what: "a process of the cluster",
            reason: format!("{} ended before it should; what it said stands above", self.path.display()),
        }
    }

    /// Its processor time so far, user and system.
    pub(super) fn processor_time(&self) -> Result<Duration> {
        processor_time(&self.child.id().to_string())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.stdin.take());
        if !self.listens {
            // It may have ended in this moment.
            self.child.kill().unwrap_or_default();
        }
        let begun = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) {
            if begun.elapsed() > END_MAX {
                self.child.kill().unwrap_or_default();
                break;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        drop(self.child.wait());
    }
}

/// The processor time of the process `id`, which may be `self`.
pub(super) fn processor_time(id: &str) -> Result<Duration> {
    let path = PathBuf::from(format!("/proc/{id}/stat"));
    let stat = fs::read_to_string(&path).map_err(Error::file(&path))?;
    let ticks = ticks(&stat).ok_or_else(|| Error::System {
        what: "processor time",
        reason: format!("{} says {stat:?}", path.display()),
    })?;
    let a_second = sysconf(SysconfVar::CLK_TCK).ok().flatten().unwrap_or(100);
    Ok(Duration::from_secs_f64(ticks as f64 / a_second as f64))
}

/// User and system time, the 14th and 15th word; the second one is the name, in brackets, which may hold spaces.
fn ticks(stat: &str) -> Option<u64> {
    let mut words = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    Some(words.next()?.parse::<u64>().ok()? + words.next()?.parse::<u64>().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_process_says_is_heard_and_its_end_is_an_error() {
        let mut program = Program::start(Path::new("/bin/cat"), &[]).unwrap();
        program.tell("a line").unwrap();
        assert_eq!(program.hear().unwrap(), "a line");
        assert!(program.processor_time().is_ok());
        program.stdin = None;
        assert!(program.hear().is_err() && program.tell("more").is_err());
    }

    #[test]
    fn ticks_are_found_behind_a_name_with_spaces() {
        let stat = "7 (a (b) c) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14";
        assert_eq!(ticks(stat), Some(11 + 12));
        assert_eq!(ticks("7 nothing"), None);
    }
}
