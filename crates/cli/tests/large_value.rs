//! Large values stream in and out in bounded memory.
//!
//! The ordinary form moves 96 MiB. With `PENTAD_LARGE_VALUE_BYTES` set (3221225472 for 3 GiB) that many bytes are moved
//! through the same test. What is bounded is anonymous memory, as the kernel counts it while the command runs: pages
//! of mapped files are page cache, and the kernel's to reclaim.

#![forbid(unsafe_code)]
#![cfg(target_os = "linux")]

mod support;

use std::env;
use std::fs;
use std::io::{Read, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use support::Sandbox;

const SHORT_BYTES: u64 = 96 << 20;
const MEMORY_BYTES_MAX: u64 = 64 << 20;
const BLOCK_BYTES: usize = 1 << 20;

/// The value, block by block: every block differs from the one before.
struct Pattern {
    left: u64,
    state: u64,
    block: Vec<u8>,
}

impl Pattern {
    fn new(bytes: u64) -> Self {
        Self { left: bytes, state: 0x9e37_79b9_7f4a_7c15, block: Vec::new() }
    }

    fn next(&mut self) -> Option<&[u8]> {
        let length = usize::try_from(self.left.min(BLOCK_BYTES as u64)).unwrap();
        self.left -= length as u64;
        self.block.clear();
        while self.block.len() < length {
            self.state =
                self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            self.block.extend_from_slice(&self.state.to_le_bytes());
        }
        self.block.truncate(length);
        (length > 0).then_some(&self.block)
    }

    /// Whether `source` holds exactly the value.
    fn matches(mut self, mut source: impl Read) -> bool {
        let mut read = vec![0; BLOCK_BYTES];
        while let Some(expected) = self.next() {
            let read = &mut read[..expected.len()];
            if source.read_exact(read).is_err() || read != expected {
                return false;
            }
        }
        source.read(&mut [0]).unwrap() == 0
    }
}

/// Watches the anonymous memory of a process until told to stop.
struct Gauge {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<u64>,
}

impl Gauge {
    fn watch(child: &Child) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, path) = (Arc::clone(&stop), format!("/proc/{}/status", child.id()));
        let thread = thread::spawn(move || {
            let mut most = 0;
            while !stopped.load(Ordering::Relaxed) {
                // A process that has ended has no memory to report.
                let status = fs::read_to_string(&path).unwrap_or_default();
                let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
                let kib: u64 =
                    line.map_or(0, |line| line.trim().trim_end_matches("kB").trim().parse().unwrap());
                most = most.max(kib << 10);
                thread::sleep(Duration::from_millis(2));
            }
            most
        });
        Self { stop, thread }
    }

    /// The most that was seen, in bytes.
    fn most(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

/// Waits for a command, which must succeed in bounded memory; the result is the most that was seen of it.
fn finish(mut child: Child, gauge: Gauge, what: &str) -> u64 {
    let mut errors = String::new();
    child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
    assert!(child.wait().unwrap().success(), "{what}: {errors}");
    let most = gauge.most();
    assert!(most < MEMORY_BYTES_MAX, "{what} took {most} bytes of memory");
    println!("{what}: {} KiB of memory", most >> 10);
    most
}

fn run(mut command: Command, what: &str) -> u64 {
    let child = command.stdout(Stdio::null()).spawn().unwrap();
    let gauge = Gauge::watch(&child);
    finish(child, gauge, what)
}

#[test]
fn a_large_value_streams_in_and_out_in_bounded_memory() {
    let bytes = env::var("PENTAD_LARGE_VALUE_BYTES").map_or(SHORT_BYTES, |bytes| bytes.parse().unwrap());
    let sandbox = Sandbox::new();

    let mut child = sandbox.pentad(&["put", "large", "-"]).stdin(Stdio::piped()).spawn().unwrap();
    let gauge = Gauge::watch(&child);
    let mut pipe = child.stdin.take().unwrap();
    let mut pattern = Pattern::new(bytes);
    while let Some(block) = pattern.next() {
        pipe.write_all(block).unwrap();
    }
    drop(pipe);
    let put = finish(child, gauge, "put");

    let mut child = sandbox.pentad(&["get", "large"]).spawn().unwrap();
    let gauge = Gauge::watch(&child);
    assert!(Pattern::new(bytes).matches(child.stdout.take().unwrap()), "get");
    finish(child, gauge, "get");

    run(sandbox.pentad(&["export", "tree"]), "export");
    assert!(Pattern::new(bytes).matches(fs::File::open(sandbox.path("tree/large")).unwrap()), "export");
    fs::remove_dir_all(sandbox.path("store")).unwrap();

    let import = run(sandbox.pentad(&["import", "tree"]), "import");
    // Writing takes long enough to be looked at; a gauge that sees nothing would let anything pass.
    assert!(put > 0 && import > 0, "the memory was never seen");
    fs::remove_dir_all(sandbox.path("tree")).unwrap();
    run(sandbox.pentad(&["verify"]), "verify");
    let mut child = sandbox.pentad(&["get", "large"]).spawn().unwrap();
    assert!(Pattern::new(bytes).matches(child.stdout.take().unwrap()), "get after import");
    assert!(child.wait().unwrap().success());
}
