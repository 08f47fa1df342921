//! Three nodes, each a process of its own, and what is done to them.

use std::fs::File;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// How long a node may take until it does what it should.
const PATIENCE: Duration = Duration::from_secs(60);

/// One node: its process, while there is one.
#[derive(Debug)]
struct Node {
    process: Option<Child>,
    is_paused: bool,
}

/// A cluster on loopback, in a directory that goes with it.
#[derive(Debug)]
pub(crate) struct Cluster {
    directory: tempfile::TempDir,
    addresses: Vec<String>,
    nodes: Vec<Node>,
}

impl Cluster {
    /// So many nodes, all of them voters.
    pub(crate) fn start(count: usize) -> Self {
        // Held until all are known, so that no two are the same.
        let ports: Vec<TcpListener> = (0..count).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let addresses = ports.iter().map(|port| port.local_addr().unwrap().to_string()).collect();
        drop(ports);
        let nodes = (0..count).map(|_| Node { process: None, is_paused: false }).collect();
        let mut cluster = Self { directory: tempfile::tempdir().unwrap(), addresses, nodes };
        for node in 0..count {
            cluster.run(node);
        }
        let began = Instant::now();
        while cluster.voters() < count {
            assert!(began.elapsed() < PATIENCE, "the nodes form no cluster:\n{}", cluster.logs());
            std::thread::sleep(Duration::from_millis(100));
        }
        cluster
    }

    pub(crate) fn addresses(&self) -> &[String] {
        &self.addresses
    }

    /// The directory of a node's data.
    pub(crate) fn store(&self, node: usize) -> PathBuf {
        self.directory.path().join(format!("node{node}"))
    }

    /// Starts the process of a node that has none.
    pub(crate) fn run(&mut self, node: usize) {
        assert!(self.nodes[node].process.is_none(), "node {node} runs already");
        let log = File::options().create(true).append(true).open(self.log(node)).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_pentad"));
        command.arg("--store").arg(self.store(node)).args(["serve", "--insecure", "--listen"]);
        command.arg(&self.addresses[node]);
        if node > 0 {
            command.args(["--join", &self.addresses[0]]);
        }
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        self.nodes[node].process = Some(command.spawn().unwrap());
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self, node: usize) {
        self.nodes[node].is_paused = false;
        let mut process = self.nodes[node].process.take().expect("it runs");
        process.kill().unwrap();
        process.wait().unwrap();
    }

    /// SIGTERM, and the wait for its end.
    pub(crate) fn end(&mut self, node: usize) {
        let mut process = self.nodes[node].process.take().expect("it runs");
        kill_process(Pid::from_child(&process), Signal::TERM).unwrap();
        let began = Instant::now();
        while process.try_wait().unwrap().is_none() {
            if began.elapsed() > PATIENCE {
                process.kill().unwrap();
                panic!("node {node} did not end when told to:\n{}", self.logs());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Stops the process where it stands: to the others it is as if it were cut off, and when it goes on it does not know
    /// that time has passed.
    pub(crate) fn pause(&mut self, node: usize) {
        self.signal(node, Signal::STOP);
        self.nodes[node].is_paused = true;
    }

    /// Lets a stopped process go on.
    pub(crate) fn resume(&mut self, node: usize) {
        self.signal(node, Signal::CONT);
        self.nodes[node].is_paused = false;
    }

    fn signal(&self, node: usize, signal: Signal) {
        let process = self.nodes[node].process.as_ref().expect("it runs");
        kill_process(Pid::from_child(process), signal).unwrap();
    }

    /// Brings every node back, whatever was done to it.
    pub(crate) fn heal(&mut self) {
        for node in 0..self.nodes.len() {
            if self.nodes[node].is_paused {
                self.resume(node);
            }
            if self.nodes[node].process.is_none() {
                self.run(node);
            }
        }
    }

    /// The leader as the nodes say, if one of them knows.
    pub(crate) fn leader(&self) -> Option<usize> {
        let members = self.members()?;
        let leader = members.iter().find(|member| member["role"] == "leader")?;
        self.addresses.iter().position(|address| leader["address"] == address.as_str())
    }

    fn voters(&self) -> usize {
        let is_voter =
            |member: &&serde_json::Value| member["role"] == "leader" || member["role"] == "follower";
        self.members().map_or(0, |members| members.iter().filter(is_voter).count())
    }

    fn members(&self) -> Option<Vec<serde_json::Value>> {
        let output = Command::new(env!("CARGO_BIN_EXE_pentad"))
            .args(["--json", "cluster", "members", "--endpoints", &self.addresses.join(",")])
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let members: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
        members.as_array().cloned()
    }

    fn log(&self, node: usize) -> PathBuf {
        self.directory.path().join(format!("node{node}.log"))
    }

    /// The last lines that each node has logged.
    pub(crate) fn logs(&self) -> String {
        let mut all = String::new();
        for node in 0..self.nodes.len() {
            let log = std::fs::read_to_string(self.log(node)).unwrap_or_default();
            let lines: Vec<&str> = log.lines().collect();
            all.push_str(&format!(
                "--- node {node}\n{}\n",
                lines[lines.len().saturating_sub(30)..].join("\n")
            ));
        }
        all
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for node in &mut self.nodes {
            if let Some(mut process) = node.process.take() {
                let _ended_already = process.kill();
                let _waited_already = process.wait();
            }
        }
    }
}
