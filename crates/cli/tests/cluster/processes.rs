//! Processes that serve nodes, on ports that were free a moment ago.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// How long anything may take before the test has failed.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// Nodes in one directory, each a process.
pub(crate) struct Processes {
    dir: tempfile::TempDir,
    pub(crate) nodes: Vec<Process>,
}

/// One of them.
pub(crate) struct Process {
    pub(crate) address: String,
    store: PathBuf,
    child: Option<Child>,
}

impl Processes {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), nodes: Vec::new() }
    }

    /// Three nodes, as the manual says: one begins, the others join.
    pub(crate) fn three() -> Self {
        let mut processes = Self::new();
        processes.add(&[]);
        let first = processes.nodes[0].address.clone();
        processes.add(&["--join", &first]);
        processes.add(&["--join", &first]);
        until("all three vote", || {
            processes.members().iter().filter(|member| member["status"] == "active").count() == 3
        });
        processes
    }

    /// Starts another node.
    pub(crate) fn add(&mut self, arguments: &[&str]) {
        let number = self.nodes.len() + 1;
        let store = self.dir.path().join(format!("n{number}"));
        let mut node = Process { address: free_address(), store, child: None };
        node.start(arguments);
        self.nodes.push(node);
    }

    /// All addresses, as `--endpoints` takes them.
    pub(crate) fn endpoints(&self) -> String {
        self.nodes.iter().map(|node| node.address.as_str()).collect::<Vec<_>>().join(",")
    }

    /// Runs a verb against all nodes.
    pub(crate) fn pentad(&self, arguments: &[&str]) -> Output {
        pentad_at(&self.endpoints(), arguments)
    }

    /// The members, as any node says.
    pub(crate) fn members(&self) -> Vec<Value> {
        let output = self.pentad(&["--json", "cluster", "members"]);
        if !output.status.success() {
            return Vec::new();
        }
        let Ok(Value::Array(members)) = serde_json::from_slice(&output.stdout) else {
            panic!("members are a list: {}", String::from_utf8_lossy(&output.stdout));
        };
        members
    }

    /// Which process leads.
    pub(crate) fn leader(&self) -> usize {
        let mut found = None;
        until("someone leads", || {
            let members = self.members();
            let leader = members.iter().find(|member| member["role"] == "leader");
            let address = leader.and_then(|leader| leader["address"].as_str()).unwrap_or_default();
            found = self.nodes.iter().position(|node| node.address == address);
            found.is_some()
        });
        found.unwrap()
    }
}

/// Runs a verb against some nodes.
pub(crate) fn pentad_at(endpoints: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pentad"));
    command.args(["--endpoints", endpoints]).args(arguments).stdin(Stdio::null()).output().unwrap()
}

impl Process {
    /// Starts it, and returns when it says where it listens.
    pub(crate) fn start(&mut self, arguments: &[&str]) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pentad"));
        command.arg("serve").arg("--store").arg(&self.store).args([
            "--listen",
            &self.address,
            "--insecure",
            "--json",
        ]);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.stderr(File::create(self.log_path()).unwrap()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let said: Value = serde_json::from_str(&line)
            .unwrap_or_else(|_| panic!("it says where it listens, not {line:?}: {}", self.log()));
        assert_eq!(said["listening"], self.address.as_str());
        self.child = Some(child);
    }

    fn log_path(&self) -> PathBuf {
        self.store.with_extension("log")
    }

    /// What it has logged since it was started last.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap()
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// SIGTERM; it must end well.
    pub(crate) fn end(&mut self) {
        let mut child = self.child.take().unwrap();
        kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
        assert!(child.wait().unwrap().success());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

/// Waits until `done`.
pub(crate) fn until(what: &str, mut done: impl FnMut() -> bool) {
    let end = Instant::now() + SOON;
    while !done() {
        assert!(Instant::now() < end, "{what}: not within {SOON:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
