//! What opening a store costs: `open_cost DIR load N`, then `open_cost DIR open` or `read` (only) in a process of its own.
//!
//! Entries have random 16-byte keys and 100-byte values. `tail N` writes N more and ends without closing.
#![expect(clippy::disallowed_methods, reason = "what is measured is real time")]

use std::time::Instant;

use pentad_engine::{Batch, Durability, Options, Store};

fn key(number: u64) -> [u8; 16] {
    let mut word = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (number << 29);
    let mut key = [0; 16];
    for half in key.chunks_exact_mut(8) {
        word = (word ^ (word >> 31)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        half.copy_from_slice(&word.to_be_bytes());
    }
    key
}

fn put(store: &Store, numbers: std::ops::Range<u64>) {
    let value = vec![7_u8; 100];
    for first in numbers.clone().step_by(1000) {
        let mut batch = Batch::new();
        for number in first..(first + 1000).min(numbers.end) {
            batch.put(key(number), value.clone());
        }
        batch.durability(Durability::Os);
        store.commit(batch).expect("a commit");
    }
}

fn resident_kib() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().filter(|line| line.starts_with("Rss")).collect::<Vec<_>>().join(" ")
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (dir, what) =
        (arguments.next().expect("a directory"), arguments.next().expect("load, open, read or tail"));
    let mut number = || arguments.next().and_then(|text| text.parse::<u64>().ok()).expect("a number");
    let begun = Instant::now();
    let options = Options::new();
    let opened = if what == "read" { options.open_read_only(dir) } else { options.open(dir) };
    let store = opened.expect("the store opens");
    let opened = begun.elapsed();
    let found = store.len();
    println!("opened in {opened:?}: {found} keys; {}", resident_kib());
    match what.as_str() {
        "load" => put(&store, 0..number()),
        "tail" => {
            put(&store, found..found + number());
            std::process::abort();
        }
        _ => {
            let begun = Instant::now();
            let sample = 100_000.min(found);
            for at in 0..sample {
                let wanted = key(at * (found / sample.max(1)));
                assert!(store.get(wanted).expect("a read").is_some(), "{at}");
            }
            println!("{sample} gets in {:?}", begun.elapsed());
            let begun = Instant::now();
            let rows = store.range::<&[u8]>(..).take(100_000).count();
            println!("{rows} rows in {:?}; {}", begun.elapsed(), resident_kib());
            return;
        }
    }
    let begun = Instant::now();
    let stats = store.stats();
    println!(
        "checkpoint {} bytes, age {}; {:?}",
        stats.checkpoint_bytes, stats.checkpoint_age_bytes, stats.checkpoint_failure
    );
    store.close().expect("it closes");
    println!("closed in {:?}", begun.elapsed());
}
