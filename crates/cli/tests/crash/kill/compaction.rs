//! The command `compact` killed while it moves entries: the store then holds what it held, in the old files or the new.

use std::time::{Duration, Instant};

use pentad_engine::{Batch, Durability, Options, Retention, Store};

use crate::health::{self, Rows, difference};
use crate::random::Random;
use crate::settings;
use crate::support::Sandbox;

const KEYS: u64 = 3_000;

fn options() -> Options {
    Options::new().segment_bytes(256 << 10).retention(Retention::All).auto_compact(false)
}

/// Overwrites and deletes, and leaves nothing in the batch log, so that all of it can be compacted.
fn churn(store: &Store, rows: &mut Rows, changes: u64, random: &mut Random) {
    for _ in 0..changes / 50 {
        let mut batch = Batch::new();
        for _ in 0..50 {
            let key = format!("key{:05}", random.below(KEYS));
            if random.percent(80) {
                let length = random.below_usize(1_500);
                let value = random.bytes(length);
                batch.put(&key, value.as_slice());
                rows.insert(key.into_bytes(), value);
            } else {
                batch.delete(&key);
                rows.remove(key.as_bytes());
            }
        }
        store.commit(std::mem::take(batch.durability(Durability::Os))).unwrap();
    }
    store.prune(store.sequence().next()).unwrap();
}

#[test]
fn f11_kills_amid_compaction_leave_the_old_files_or_the_new() {
    let name = "kill::compaction";
    let (seed, mut random) = settings::random(name);
    let rounds = settings::rounds(5);
    let sandbox = Sandbox::new();
    let path = sandbox.path("store");
    let mut rows = Rows::new();
    let store = options().open(&path).unwrap();
    churn(&store, &mut rows, 10_000, &mut random);
    store.close().unwrap();

    // How long it takes is learned from those that were not cut short, the first of which is given all the time.
    let mut whole = Duration::from_secs(60);
    let (mut killed, mut finished) = (0, 0);
    for round in 0..=rounds {
        let context = &format!("seed {seed}, round {round}");
        let begun = Instant::now();
        let mut child = sandbox.pentad(&["compact"]).spawn().unwrap();
        let patience = whole.mul_f64(f64::from(u32::try_from(random.below(1_200)).unwrap()) / 1_000.0);
        let patience = if round == 0 { whole } else { patience };
        let mut status = None;
        while status.is_none() && begun.elapsed() < patience {
            std::thread::sleep(Duration::from_micros(300));
            status = child.try_wait().unwrap();
        }
        match status {
            Some(status) => {
                assert!(status.success(), "{context}: compact ended with {status}");
                whole = begun.elapsed();
                finished += 1;
            }
            None => {
                child.kill().unwrap();
                killed += 1;
            }
        }
        child.wait().unwrap();

        health::verify(&path, context);
        let store = health::open(&path, &options(), context);
        health::no_orphans(&store, context);
        if let Some(difference) = difference(&rows, &health::rows(&store, "", context)) {
            panic!("{context}: {difference}");
        }
        churn(&store, &mut rows, 1_500, &mut random);
        store.close().unwrap_or_else(|error| panic!("{context}: close: {error}"));
    }
    println!("{name}: {killed} kills, {finished} compactions came to their end");
    // A harness that always kills too late would pass on anything.
    assert!(killed * 4 > rounds, "only {killed} of {rounds} compactions were cut short");
}
