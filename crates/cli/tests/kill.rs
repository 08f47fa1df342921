//! `kill -9` at random during an import, fifty times on one store.
//!
//! After each kill the store must open again, hold every row that was acknowledged before the kill, hold the rows of
//! whole batches only, in an unbroken prefix of the input, still hold what earlier rounds left, and verify clean.
//! Each round continues on the store that the round before left behind, so recovery is recovered from as well.

#![forbid(unsafe_code)]

mod support;

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io::{BufRead as _, BufReader};
use std::process::Output;
use std::thread;
use std::time::Duration;

use support::Sandbox;

const ROUNDS: u64 = 50;
const ROWS: u64 = 3_000;
const BATCH: u64 = 20;
/// Acknowledgements of a whole import: one for every eight batches, and one at the end.
const ACKNOWLEDGEMENTS: u64 = ROWS.div_ceil(8 * BATCH);

/// Numbers from a seed that a failing test shows.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        // xorshift64* (Vigna, "An experimental exploration of Marsaglia's xorshift generators").
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % limit
    }
}

fn row(round: u64, number: u64) -> String {
    format!("round{round:02}/{number:06}\tvalue {number} of round {round}\n")
}

fn done(sandbox: &Sandbox, arguments: &[&str]) -> Output {
    let output = sandbox.pentad(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

/// Imports the rows of a round, kills the import somewhere, and says how many rows were acknowledged until then.
fn import_and_kill(sandbox: &Sandbox, input: &str, random: &mut Random) -> u64 {
    let batch = BATCH.to_string();
    let mut child = sandbox.pentad(&["--json", "import", "--batch", &batch, input]).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut acknowledged = 0;
    let mut hear = |line: std::io::Result<String>| {
        // The last line may be cut off by the kill; then it acknowledges nothing.
        if let Ok(object) = serde_json::from_str::<serde_json::Value>(&line.unwrap()) {
            acknowledged = object["committed"].as_u64().unwrap_or(acknowledged);
        }
    };
    let patience = random.below(ACKNOWLEDGEMENTS);
    for line in lines.by_ref().take(usize::try_from(patience).unwrap()) {
        hear(line);
    }
    thread::sleep(Duration::from_micros(random.below(4_000)));
    child.kill().unwrap();
    lines.for_each(&mut hear);
    child.wait().unwrap();
    acknowledged
}

#[test]
fn f13_fifty_killed_imports_lose_nothing_that_was_acknowledged() {
    let seed = RandomState::new().build_hasher().finish() | 1;
    println!("seed {seed}");
    let mut random = Random(seed);
    let sandbox = Sandbox::new();
    let mut expected = String::new();
    let mut cut_short = 0;
    for round in 0..ROUNDS {
        let rows: Vec<String> = (0..ROWS).map(|number| row(round, number)).collect();
        std::fs::write(sandbox.path("in.tsv"), rows.concat()).unwrap();
        let acknowledged = import_and_kill(&sandbox, "in.tsv", &mut random);
        if !sandbox.path("store").exists() {
            assert_eq!(acknowledged, 0, "round {round}: acknowledged without a store");
            continue;
        }

        // As the kill left it: at most a torn tail.
        done(&sandbox, &["verify"]);
        // Opened for writing, which recovers it.
        done(&sandbox, &["put", "probe", &round.to_string()]);
        let report = done(&sandbox, &["verify", "--json"]).stdout;
        let report: serde_json::Value = serde_json::from_slice(&report).unwrap();
        assert_eq!(report["damage"], serde_json::json!([]), "round {round}");
        assert_eq!(report["torn_tail"], serde_json::Value::Null, "round {round}");

        let prefix = format!("round{round:02}/");
        let kept = String::from_utf8(done(&sandbox, &["scan", "--raw", "--prefix", &prefix]).stdout).unwrap();
        let count = kept.lines().count() as u64;
        assert!(count >= acknowledged, "round {round}: {acknowledged} rows acknowledged, {count} there");
        assert!(count.is_multiple_of(BATCH) || count == ROWS, "round {round}: {count} rows is half a batch");
        assert!(rows.concat().starts_with(&kept), "round {round}: not a prefix of the input");
        cut_short += u64::from(count < ROWS);
        expected.push_str(&kept);
    }
    let all = done(&sandbox, &["scan", "--raw", "--prefix", "round"]).stdout;
    assert!(all == expected.as_bytes(), "what an earlier round left has changed");
    // A harness that always kills too late would pass on anything.
    assert!(cut_short > ROUNDS / 4, "only {cut_short} imports were cut short");
}
