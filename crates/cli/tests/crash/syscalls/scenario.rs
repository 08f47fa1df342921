//! What the program is doing while a call fails, and what may be in the store afterwards.

use std::cell::OnceCell;
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

/// A directory with a store in it, and its rows.
type Template = (PathBuf, Rows);

/// What the scenarios start from; each store is made when a scenario asks for it.
pub(crate) struct Stores<'a> {
    sandbox: &'a Sandbox,
    seed: u64,
    closed: OnceCell<Template>,
    killed: OnceCell<Template>,
}

impl<'a> Stores<'a> {
    /// None made yet.
    pub(crate) fn new(sandbox: &'a Sandbox, seed: u64) -> Self {
        Self { sandbox, seed, closed: OnceCell::new(), killed: OnceCell::new() }
    }

    fn closed(&self) -> &Template {
        self.closed.get_or_init(|| closed_store(self.sandbox, self.seed))
    }

    fn killed(&self) -> &Template {
        self.killed.get_or_init(|| killed_store(self.sandbox, self.seed))
    }
}

/// Makes a scenario.
type Make = fn(&Stores<'_>) -> Scenario;

/// How each scenario is made, and whether it changes the store.
pub(crate) const ALL: &[(Make, bool)] = &[
    (import_into_a_new_store, true),
    (import_into_an_old_store, true),
    (put_into_a_killed_store, true),
    (put_of_a_stream, true),
    (compact, true),
    (get_from_a_killed_store, false),
    (verify_a_killed_store, false),
];

fn scenario(
    name: &'static str,
    template: Option<&Template>,
    arguments: &[&str],
    states: Vec<Rows>,
) -> Scenario {
    Scenario {
        name,
        template: template.map(|(path, _)| path.clone()),
        arguments: arguments.iter().map(ToString::to_string).collect(),
        input: None,
        states,
        output: None,
    }
}

fn import_into_a_new_store(stores: &Stores<'_>) -> Scenario {
    import(stores, "import, new store", None)
}

fn import_into_an_old_store(stores: &Stores<'_>) -> Scenario {
    import(stores, "import, old store", Some(stores.closed()))
}

fn import(stores: &Stores<'_>, name: &'static str, before: Option<&Template>) -> Scenario {
    let input = stores.sandbox.path("in.tsv");
    let imported: Vec<(String, String)> =
        (0..IMPORTED).map(|n| (format!("row/{n:05}"), format!("{n:0100}"))).collect();
    let text: String = imported.iter().map(|(key, value)| format!("{key}\t{value}\n")).collect();
    fs::write(&input, text).unwrap();
    let mut rows = before.map(|(_, rows)| rows.clone()).unwrap_or_default();
    let mut states = vec![rows.clone()];
    for batch in imported.chunks(usize::try_from(BATCH).unwrap()) {
        rows.extend(batch.iter().map(|(key, value)| (key.clone().into(), value.clone().into())));
        states.push(rows.clone());
    }
    let arguments = ["--json", "import", "--batch", &BATCH.to_string(), input.to_str().unwrap()];
    scenario(name, before, &arguments, states)
}

/// Before, and with one more row.
fn with(before: &Rows, key: &str, value: &[u8]) -> Vec<Rows> {
    let mut after = before.clone();
    after.insert(key.into(), value.into());
    vec![before.clone(), after]
}

fn put_into_a_killed_store(stores: &Stores<'_>) -> Scenario {
    let killed = stores.killed();
    scenario("put, killed store", Some(killed), &["put", "new", "v"], with(&killed.1, "new", b"v"))
}

fn put_of_a_stream(stores: &Stores<'_>) -> Scenario {
    let closed = stores.closed();
    let big = Random::new(stores.seed).bytes(STREAMED);
    let input = stores.sandbox.path("big");
    fs::write(&input, &big).unwrap();
    let put = scenario("put, streamed", Some(closed), &["put", "big"], with(&closed.1, "big", &big));
    Scenario { input: Some(input), ..put }
}

fn compact(stores: &Stores<'_>) -> Scenario {
    let closed = stores.closed();
    scenario("compact", Some(closed), &["compact", "--prune"], vec![closed.1.clone()])
}

fn get_from_a_killed_store(stores: &Stores<'_>) -> Scenario {
    let killed = stores.killed();
    let (key, value) = killed.1.iter().next().expect("the killed load had written something");
    let key = std::str::from_utf8(key).unwrap();
    let get = scenario("get, killed store", Some(killed), &["get", key], vec![killed.1.clone()]);
    Scenario { output: Some(value.clone()), ..get }
}

fn verify_a_killed_store(stores: &Stores<'_>) -> Scenario {
    let killed = stores.killed();
    scenario("verify, killed store", Some(killed), &["verify"], vec![killed.1.clone()])
}

/// A store of several segments with much to compact, closed in order.
fn closed_store(sandbox: &Sandbox, seed: u64) -> Template {
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
fn killed_store(sandbox: &Sandbox, seed: u64) -> Template {
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
