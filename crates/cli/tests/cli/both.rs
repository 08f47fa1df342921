//! A store and a node side by side, and what both have to say in common.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};

use crate::run::Ran;
use crate::support::Sandbox;

/// A store in a directory, and a cluster of one node on a free port of the loopback interface.
pub(crate) struct Both {
    pub(crate) sandbox: Sandbox,
    node: Child,
    address: String,
}

impl Both {
    pub(crate) fn new() -> Self {
        let sandbox = Sandbox::new();
        let mut serve = Command::new(env!("CARGO_BIN_EXE_pentad"));
        serve.current_dir(sandbox.path("")).args(["serve", "--store", "node", "--listen", "127.0.0.1:0"]);
        serve.args(["--insecure", "--json"]).env("PENTAD_LOG", "off");
        let mut node = serve.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(node.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let said: serde_json::Value = serde_json::from_str(&line).unwrap();
        let address = said["listening"].as_str().unwrap().to_owned();
        let both = Self { sandbox, node, address };
        both.sandbox.done(&["put", "first", "1"]);
        assert_eq!(both.remote(&["put", "first", "1"], b"").code, 0);
        both
    }

    pub(crate) fn local(&self, arguments: &[&str], input: &[u8]) -> Ran {
        self.sandbox.run_with(arguments, input)
    }

    pub(crate) fn remote(&self, arguments: &[&str], input: &[u8]) -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pentad"));
        command.current_dir(self.sandbox.path("")).args(["--endpoints", &self.address]).args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // The command may stop reading early, which is its right.
        drop(child.stdin.take().unwrap().write_all(input));
        let mut ran: Ran = child.wait_with_output().unwrap().into();
        ran.errors = self.as_local(&ran.errors);
        ran.bytes = match String::from_utf8(ran.bytes) {
            Ok(text) => self.as_local(&text).into_bytes(),
            Err(error) => error.into_bytes(),
        };
        ran
    }

    /// Texts that name the place, as if it were the directory.
    fn as_local(&self, text: &str) -> String {
        text.replace(&format!("--endpoints {}", self.address), "--store store")
            .replace(&self.address, "store")
    }

    /// Runs a verb on both, and gives back what both have said.
    pub(crate) fn same(&self, arguments: &[&str]) -> Ran {
        self.same_with(arguments, b"")
    }

    pub(crate) fn same_with(&self, arguments: &[&str], input: &[u8]) -> Ran {
        let (local, remote) = (self.local(arguments, input), self.remote(arguments, input));
        assert_eq!(settled(&remote), settled(&local), "{arguments:?}");
        local
    }
}

impl Drop for Both {
    fn drop(&mut self) {
        drop(self.node.kill());
        drop(self.node.wait());
    }
}

/// All that is to be the same: code, output and messages, but for the times of commits.
fn settled(ran: &Ran) -> String {
    let output = match str::from_utf8(&ran.bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => ran.bytes.escape_ascii().to_string(),
    };
    let lines = output.lines().chain(ran.errors.lines()).map(|line| {
        if let Ok(serde_json::Value::Object(mut object)) = serde_json::from_str(line) {
            object.retain(|name, _| !["time", "time_ns", "seconds"].contains(&name.as_str()));
            return serde_json::Value::Object(object).to_string();
        }
        // A line of `log` has the time in its second column; the report of an import ends with times and rates.
        let time = line.split('\t').nth(1).filter(|column| column.ends_with('Z') && column.contains('T'));
        let rates = line.find(" in ").filter(|_| line.ends_with("/s"));
        let line = rates.map_or(line, |at| &line[..at]);
        time.map_or(line.to_owned(), |time| line.replacen(time, "TIME", 1))
    });
    format!("exit {}\n{}", ran.code, lines.collect::<Vec<_>>().join("\n"))
}
