//! What the program is doing while a call fails, and what may be in the store afterwards.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use pentad_engine::{Batch, Durability, Options, Retention};

use crate::health::{self, Rows};
use crate::load::{Load, Past};
use crate::random::Random;
use crate::support::Sandbox;

const IMPORTED: u64 = 400;
const BATCH: u64 = 20;
/// Over the length from which a value is streamed.
const STREAMED: usize = (8 << 20) + 5_000;

/// One use of the program.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    /// A directory with the store as it is before, or without one.
    template: Option<PathBuf>,
    arguments: Vec<String>,
    pub(crate) input: Option<PathBuf>,
    /// What the store may hold: before, after each commit, and last after all of them.
    pub(crate) states: Vec<Rows>,
    /// What the program says on standard output when all went well, where that is known.
    pub(crate) output: Option<Vec<u8>>,
    /// Whether it changes the store.
    pub(crate) writes: bool,
}

impl Scenario {
    /// Makes the store as it is before at `path`.
    pub(crate) fn prepare(&self, path: &Path) {
        if path.exists() {
            fs::remove_dir_all(path).unwrap();
        }
        let Some(template) = &self.template else { return };
        fs::create_dir(path).unwrap();
        for entry in fs::read_dir(template).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), path.join(entry.file_name())).unwrap();
        }
    }

    /// The program on the store at `path`.
    pub(crate) fn command(&self, sandbox: &Sandbox, path: &Path) -> Command {
        let arguments: Vec<&str> = self.arguments.iter().map(String::as_str).collect();
        sandbox.pentad_on(path.to_str().unwrap(), &arguments)
    }

    /// The number of the state that has been acknowledged, from what an import said.
    pub(crate) fn acknowledged(&self, output: &[u8]) -> usize {
        let told = String::from_utf8_lossy(output);
        let committed =
            |line: &str| serde_json::from_str::<serde_json::Value>(line).ok()?["committed"].as_u64();
        let rows = told.lines().filter_map(committed).max().unwrap_or(0);
        usize::try_from(rows.div_ceil(BATCH)).unwrap()
    }
}

/// All scenarios, with their stores in the sandbox.
pub(crate) fn all(sandbox: &Sandbox, seed: u64) -> Vec<Scenario> {
    let (closed, closed_rows) = closed_store(sandbox, seed);
    let (killed, killed_rows) = killed_store(sandbox, seed);
    let input = sandbox.path("in.tsv");
    let imported: Vec<(String, String)> =
        (0..IMPORTED).map(|n| (format!("row/{n:05}"), format!("{n:0100}"))).collect();
    let text: String = imported.iter().map(|(key, value)| format!("{key}\t{value}\n")).collect();
    fs::write(&input, text).unwrap();
    let import = words(&["--json", "import", "--batch", &BATCH.to_string(), input.to_str().unwrap()]);
    let imports = |before: &Rows| {
        let mut states = vec![before.clone()];
        for batch in imported.chunks(usize::try_from(BATCH).unwrap()) {
            let mut rows = states[states.len() - 1].clone();
            rows.extend(batch.iter().map(|(key, value)| (key.clone().into(), value.clone().into())));
            states.push(rows);
        }
        states
    };
    let with = |before: &Rows, key: &str, value: &[u8]| {
        let mut after = before.clone();
        after.insert(key.into(), value.into());
        vec![before.clone(), after]
    };
    let big = Random::new(seed).bytes(STREAMED);
    let big_input = sandbox.path("big");
    fs::write(&big_input, &big).unwrap();
    let (some_key, some_value) = killed_rows.iter().next().expect("the killed load had written something");
    let some_key = String::from_utf8(some_key.clone()).unwrap();
    let base = |name, template, arguments: &[&str], states| Scenario {
        name,
        template,
        arguments: words(arguments),
        input: None,
        states,
        output: None,
        writes: true,
    };
    let reads = |name, arguments: &[&str], output| Scenario {
        writes: false,
        output,
        ..base(name, Some(killed.clone()), arguments, vec![killed_rows.clone()])
    };
    vec![
        Scenario { arguments: import.clone(), ..base("import, new store", None, &[], imports(&Rows::new())) },
        Scenario {
            arguments: import,
            ..base("import, old store", Some(closed.clone()), &[], imports(&closed_rows))
        },
        base(
            "put, killed store",
            Some(killed.clone()),
            &["put", "new", "v"],
            with(&killed_rows, "new", b"v"),
        ),
        Scenario {
            input: Some(big_input),
            ..base("put, streamed", Some(closed.clone()), &["put", "big"], with(&closed_rows, "big", &big))
        },
        base("compact", Some(closed), &["compact", "--prune"], vec![closed_rows]),
        reads("get, killed store", &["get", &some_key], Some(some_value.clone())),
        reads("verify, killed store", &["verify"], None),
    ]
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(ToString::to_string).collect()
}

/// A store of several segments with much to compact, closed in order.
fn closed_store(sandbox: &Sandbox, seed: u64) -> (PathBuf, Rows) {
    let path = sandbox.path("closed");
    let options =
        Options::new().segment_bytes(64 << 10).retention(Retention::Commits(10)).auto_compact(false);
    let store = options.open(&path).unwrap();
    let mut random = Random::of(&[seed, 1]);
    for _ in 0..60 {
        let mut batch = Batch::new();
        for _ in 0..20 {
            let length = random.below_usize(600);
            batch.put(format!("old/{:03}", random.below(300)), random.bytes(length));
        }
        store.commit(std::mem::take(batch.durability(Durability::Os))).unwrap();
    }
    let rows = health::rows(&store, "", "the closed store");
    store.close().unwrap();
    (path, rows)
}

/// A store whose process was killed at work.
fn killed_store(sandbox: &Sandbox, seed: u64) -> (PathBuf, Rows) {
    let path = sandbox.path("killed");
    let mut past = Past::new(seed);
    for round in 0.. {
        // Longer and longer, for a slow machine.
        let told = Load::start(&path, seed, round).kill_after(Duration::from_millis(300 + 100 * round));
        past.check(&path, round, &told, false);
        if told.steps.iter().map(Vec::len).sum::<usize>() > 20 {
            break;
        }
    }
    let store = crate::load::options().open_read_only(&path).unwrap();
    (path, health::rows(&store, "", "the killed store"))
}
