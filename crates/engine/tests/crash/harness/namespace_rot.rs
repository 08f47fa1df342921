//! Bits that flip in what says which namespaces there are. No namespace ever shows what another one holds, what is known goes on
//! working, and a repair loses no key of a namespace along with its name.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pentad_engine::seams::Environment;
use pentad_engine::seams::sim::{Rng, SimClock, SimDisk, SimRandom};
use pentad_engine::{Batch, ErrorKind, Options, Retention, Store, repair};

use super::images::{Image, edited};
use super::world::STORE;

type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

const NEW: &str = "/new";
/// What every system entry about namespaces begins with.
const MARK: &[u8] = b"pentad/";

/// A closed store with namespaces, of which some were dropped, and what it holds; `""` is its own keyspace.
pub(crate) struct Named {
    seed: u64,
    pub(crate) image: Image,
    pub(crate) state: BTreeMap<String, Rows>,
    dropped: Vec<Rows>,
}

/// What became of a store with a flipped bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Refused,
    /// Not everything about its namespaces is known any more.
    Partly,
    Unharmed,
}

fn options(disk: &SimDisk, seed: u64) -> Options {
    let environment = Environment {
        disk: Arc::new(disk.clone()),
        clock: Arc::new(SimClock::new(77)),
        random: Arc::new(SimRandom::new(seed)),
        background: false,
    };
    Options::new()
        .segment_bytes(4096)
        .checkpoint_bytes(if seed.is_multiple_of(4) { u64::MAX } else { 0 })
        .retention(Retention::Commits(0))
        .environment(environment)
}

/// The rows that can be read, and whether that is all.
fn rows_of(store: &Store) -> (Rows, bool) {
    let rows: Vec<_> = store.range::<&[u8]>(..).collect();
    let whole = rows.iter().all(Result::is_ok);
    (rows.into_iter().flatten().map(|(key, value)| (key.to_vec(), value.to_vec())).collect(), whole)
}

impl Named {
    pub(crate) fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed ^ 0x4e07);
        let disk = SimDisk::new(seed);
        let store = options(&disk, seed).open(STORE).unwrap();
        let mut state = BTreeMap::from([(String::new(), Rows::new())]);
        let mut dropped = Vec::new();
        for step in 0..6 + rng.below(6) {
            let name = ["", "one", "two", "three", "four"][rng.index(5)];
            if rng.chance(150) && !name.is_empty() {
                store.drop_namespace(name).unwrap();
                dropped.extend(state.remove(name));
                continue;
            }
            let handle = if name.is_empty() { store.own_keyspace() } else { store.namespace(name).unwrap() };
            let rows: &mut Rows = state.entry(name.to_owned()).or_default();
            let mut batch = Batch::new();
            for _ in 0..1 + rng.below(3) {
                let key = format!("key {}", rng.below(5)).into_bytes();
                let value = format!("{name} of step {step}").into_bytes();
                batch.put(&key, &value[..]);
                rows.insert(key, value);
            }
            handle.commit(batch).unwrap();
            match rng.below(12) {
                0 => drop(store.compact().unwrap()),
                1 => store.checkpoint().unwrap(),
                _ => {}
            }
        }
        store.close().unwrap();
        Self { seed, image: disk.image(), state, dropped }
    }

    /// Where the entries that say something about namespaces have their heads, keys and values.
    pub(crate) fn places(&self) -> Vec<(PathBuf, usize)> {
        let mut places = Vec::new();
        for (path, bytes) in &self.image {
            if !path.extension().is_some_and(|kind| kind == "log" || kind == "compacted") {
                continue;
            }
            let starts = bytes.windows(MARK.len()).enumerate().filter(|(_, window)| *window == MARK);
            for (at, _) in starts {
                places
                    .extend((at.saturating_sub(16)..(at + 48).min(bytes.len())).map(|at| (path.clone(), at)));
            }
        }
        places
    }

    /// Flips a bit and looks at what comes of it.
    pub(crate) fn flipped(&self, path: &Path, at: usize, bit: u64) -> Fate {
        let context = format!("seed {}, bit {bit} of byte {at} of {}", self.seed, path.display());
        let rotten = edited(&self.image, path, |bytes| bytes[at] ^= 1 << bit);
        self.repaired(&rotten, &context);
        let disk = SimDisk::from_image(1, &rotten);
        match options(&disk, self.seed).open(STORE) {
            Ok(store) => self.opened(&store, &context),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Damaged, "{context}: {error}");
                assert!(error.to_string().contains("nothing was changed"), "{context}: {error}");
                assert_eq!(disk.image(), rotten, "{context}: a refused open changed something");
                Fate::Refused
            }
        }
    }

    /// What an open store shows of itself is true, and what it does not know it does not deny.
    fn opened(&self, store: &Store, context: &str) -> Fate {
        let is_damage = |error: &pentad_engine::Error| {
            assert_eq!(error.kind(), ErrorKind::Damaged, "{context}: {error}");
        };
        let mut partly = false;
        for (name, rows) in self.state.iter().filter(|(name, _)| !name.is_empty()) {
            match store.find_namespace(name) {
                Ok(Some(handle)) => self.shows(&handle, name, rows, context),
                Ok(None) => panic!("{context}: {name} is said not to be there"),
                Err(error) => {
                    is_damage(&error);
                    assert!(!store.namespaces().contains(name), "{context}");
                    is_damage(&store.drop_namespace(name).unwrap_err());
                    partly = true;
                }
            }
        }
        assert!(store.namespaces().iter().all(|name| self.state.contains_key(name)), "{context}: came back");
        match store.namespace("another") {
            Ok(another) => {
                assert_eq!(rows_of(&another), (Rows::new(), true), "{context}: a new one is not empty");
                for key in (0..5).map(|key| format!("key {key}")) {
                    assert!(another.get(&key).unwrap().is_none(), "{context}: a new one has {key}");
                }
                another.put("key", "value").unwrap();
            }
            Err(error) => {
                is_damage(&error);
                partly = true;
            }
        }
        assert_eq!(store.stats().namespaces_fault.is_some(), partly, "{context}: what is told");
        self.shows(&store.own_keyspace(), "", &self.state[""], context);
        if partly { Fate::Partly } else { Fate::Unharmed }
    }

    /// What a keyspace shows, and that it can be written to.
    fn shows(&self, handle: &Store, name: &str, rows: &Rows, context: &str) {
        let (seen, whole) = rows_of(handle);
        assert!(
            seen.iter().all(|(key, value)| rows.get(key) == Some(value)),
            "{context}: {name:?} has {seen:?}"
        );
        assert!(!whole || seen == *rows, "{context}: {name:?} has {seen:?}");
        handle.put("written since", "value").unwrap();
        assert!(handle.get("written since").unwrap().is_some(), "{context}: {name:?}");
        handle.delete("written since").unwrap();
    }

    /// A repair makes a store, and what it holds stands where it stood, or where the report says.
    fn repaired(&self, rotten: &Image, context: &str) {
        let disk = SimDisk::from_image(2, rotten);
        let report = repair(Path::new(STORE), Path::new(NEW), &options(&disk, self.seed), &mut |_| {});
        let report = report.unwrap_or_else(|error| panic!("{context}: {error}"));
        let store = options(&disk, self.seed).open(NEW).unwrap();
        assert!(store.stats().namespaces_fault.is_none(), "{context}");
        let mut nameless = Vec::new();
        let mut is_whole = true;
        for (name, rows) in &self.state {
            let handle = match &name[..] {
                "" => Some(store.own_keyspace()),
                name => store.find_namespace(name).unwrap(),
            };
            let seen = handle.map(|handle| rows_of(&handle).0);
            // What a frame that was skipped had replaced may be back.
            is_whole &= seen.as_ref() == Some(rows);
            if seen.is_none() {
                nameless.push(rows);
            }
        }
        assert!(is_whole || !report.is_complete(), "{context}: nothing is said to be missing");
        for name in store.namespaces().iter().filter(|name| name.starts_with("recovered-")) {
            let told = |place: &pentad_engine::Damage| place.what.contains(&format!("{name:?}"));
            assert!(report.left_out.iter().any(told), "{context}: {name} is not told: {report:?}");
            let seen = rows_of(&store.namespace(name).unwrap()).0;
            let is_of = |rows: &Rows| rows.keys().any(|key| seen.get(key) == rows.get(key));
            let before = nameless.len();
            nameless.retain(|rows| !is_of(rows));
            assert!(
                nameless.len() < before || self.dropped.iter().any(is_of),
                "{context}: {name} is nobody's: {seen:?}"
            );
        }
        // In the log a registration has a frame of its own. In a compacted segment all of a frame may be lost with it.
        let is_frame =
            context.ends_with("compacted") && report.skipped.iter().any(|place| !place.made_up_for);
        let is_lost = nameless.iter().any(|rows| !rows.is_empty());
        assert!(is_frame || !is_lost, "{context}: {nameless:?} went with a name");
    }
}

/// Random flips in one store.
pub(crate) fn namespace_rot(seed: u64) {
    let named = Named::new(seed);
    let places = named.places();
    let mut rng = Rng::new(seed ^ 0x707);
    for _ in 0..12.min(places.len()) {
        let (path, at) = &places[rng.index(places.len())];
        named.flipped(path, *at, rng.below(8));
    }
}
