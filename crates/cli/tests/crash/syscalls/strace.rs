//! The program under `strace`, which makes one system call of it fail.
//!
//! Invariant: a site is a call that concerns the store, by its path, so the loader of programs and the C library are left
//! in peace. What a call failed on is read from the trace, not guessed.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// One call of a thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) name: String,
    /// The how-manieth call of this name it is in its thread, from 1; so `strace` counts.
    pub(crate) nth: u64,
    /// The call with its arguments, as far as the trace shows them.
    pub(crate) line: String,
    pub(crate) injected: bool,
}

/// Why the program cannot be run under `strace` here; `None` when it can.
pub(crate) fn unavailable() -> Option<String> {
    let injection = ["-f", "-qq", "-o", "/dev/null", "-e", "trace=chdir", "-e", "inject=chdir:error=EIO"];
    let tried = Command::new("strace").args(injection).args(["sh", "-c", "! cd /"]).output();
    match tried {
        Ok(output) if output.status.success() => None,
        Ok(output) => {
            Some(format!("strace cannot make calls fail here: {}", String::from_utf8_lossy(&output.stderr)))
        }
        Err(error) => Some(format!("strace cannot be started ({error}); `apt-get install strace` brings it")),
    }
}

/// What is to fail.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Injection<'a> {
    pub(crate) call: &'a str,
    /// As `strace` takes it: `error=EIO`.
    pub(crate) result: &'a str,
    pub(crate) nth: u64,
}

/// Runs `command` with the calls `names` traced, one of them failing if that is asked for. The calls in the trace, in
/// order.
pub(crate) fn run(
    command: &Command,
    names: &[&str],
    injection: Option<Injection<'_>>,
    scratch: &Path,
    input: Option<&Path>,
) -> (Output, Vec<Call>) {
    let trace = scratch.join("trace");
    let mut traced = Command::new("strace");
    traced.args(["-f", "-y", "-qq", "-s", "8", "-o"]).arg(&trace);
    traced.args(["-e", &format!("trace={}", names.join(","))]);
    if let Some(Injection { call, result, nth }) = injection {
        traced.args(["-e", &format!("inject={call}:{result}:when={nth}")]);
    }
    // From the root, so that no path is cut short to a name.
    traced.arg(command.get_program()).args(command.get_args()).current_dir("/");
    traced.stdout(Stdio::piped()).stderr(Stdio::piped());
    traced.stdin(input.map_or_else(Stdio::null, |path| fs::File::open(path).unwrap().into()));
    let output = traced.output().unwrap();
    let calls = parse(&fs::read_to_string(&trace).unwrap());
    (output, calls)
}

/// The calls of a trace with a thread number in front of each line.
fn parse(trace: &str) -> Vec<Call> {
    let mut counts = std::collections::BTreeMap::new();
    // Where the call of each thread that has begun and not ended stands.
    let mut begun = std::collections::BTreeMap::new();
    let mut calls: Vec<Call> = Vec::new();
    for line in trace.lines() {
        let Some((thread, rest)) = line.split_once(char::is_whitespace) else { continue };
        let rest = rest.trim_start();
        let injected = rest.ends_with("(INJECTED)");
        if rest.starts_with("<... ") {
            if let Some(at) = begun.remove(thread) {
                let call: &mut Call = &mut calls[at];
                call.injected |= injected;
            }
            continue;
        }
        let Some((name, _)) = rest.split_once('(') else { continue };
        if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            continue;
        }
        let nth = counts.entry((thread, name)).or_insert(0);
        *nth += 1;
        if rest.ends_with("<unfinished ...>") {
            begun.insert(thread, calls.len());
        }
        calls.push(Call { name: name.to_owned(), nth: *nth, line: rest.to_owned(), injected });
    }
    calls
}

#[test]
fn a_trace_is_read_thread_by_thread() {
    let trace = "7  fdatasync(3</s/a>) = 0\n8  fdatasync(3</s/a> <unfinished ...>\n7  +++ exited with 0 +++\n\
                 7  fdatasync(4</s/b>) = -1 EIO (Input/output error) (INJECTED)\n7  --- SIGCHLD {} ---\n\
                 8  <... fdatasync resumed>) = -1 EIO (Input/output error) (INJECTED)\n";
    let calls: Vec<(u64, bool)> = parse(trace).iter().map(|call| (call.nth, call.injected)).collect();
    assert_eq!(calls, [(1, false), (1, true), (2, true)]);
}
