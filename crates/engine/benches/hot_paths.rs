//! Micro-benchmarks of the paths that every program walks: gets that hit and miss, puts, batches, ranges, opening.
//!
//! They answer one question: did this change make that path faster or slower than the last run on this machine? How Pentad
//! stands against other stores is asked in the workspace `bench`. Nothing here waits for the disk: commits are at
//! durability `Os`, because a sync would drown everything else.
#![forbid(unsafe_code)]

use std::hint::black_box;
use std::path::Path;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use pentad_engine::{Batch, Durability, Options, Retention, Store};

/// Enough that the index does not fit into the second-level cache, few enough that a run takes seconds.
const ROWS: u64 = 100_000;
const BATCH_ROWS: u64 = 1_000;
const RANGE_ROWS: usize = 100;
const VALUE: [u8; 100] = [0x5a; 100];

/// Without compaction, which would fall into some of the samples and not into others.
fn options() -> Options {
    Options::new().durability(Durability::Os).retention(Retention::Commits(0)).auto_compact(false)
}

/// Sixteen bytes in no order: a product with an odd constant is a permutation of the numbers.
fn key(number: u64) -> [u8; 16] {
    let mut key = [0; 16];
    key[..8].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    key[8..].copy_from_slice(&number.to_be_bytes());
    key
}

fn filled(directory: &Path) -> Store {
    let store = options().open(directory).expect("opens an empty directory");
    for number in 0..ROWS / BATCH_ROWS {
        store.commit(batch(number * BATCH_ROWS)).expect("commits");
    }
    store
}

fn batch(first: u64) -> Batch {
    let mut batch = Batch::new();
    for number in first..first + BATCH_ROWS {
        batch.put(key(number), &VALUE);
    }
    batch
}

fn gets(criterion: &mut Criterion) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let store = filled(directory.path());
    let mut number = 0;
    let mut next = |shift: u64| {
        number = (number + 7919) % ROWS;
        key(number + shift)
    };
    criterion.bench_function("get, hit", |bencher| {
        bencher.iter(|| black_box(store.get(next(0)).expect("reads").expect("is there").len()));
    });
    criterion.bench_function("get, miss", |bencher| {
        bencher.iter(|| assert!(black_box(store.get(next(ROWS)).expect("reads")).is_none()));
    });
    let keys: Vec<[u8; 16]> = (0..RANGE_ROWS).map(|_| next(0)).collect();
    let mut group = criterion.benchmark_group("many");
    group.throughput(Throughput::Elements(RANGE_ROWS as u64));
    group.bench_function("get_many of 100", |bencher| {
        bencher.iter(|| assert!(store.get_many(&keys).expect("reads").iter().all(Option::is_some)));
    });
    group.finish();
}

fn ranges(criterion: &mut Criterion) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let store = filled(directory.path());
    let mut number = 0;
    let mut next = || {
        number = (number + 7919) % ROWS;
        key(number)
    };
    let bytes = |rows: &mut dyn Iterator<
        Item = pentad_engine::Result<(bytes::Bytes, pentad_engine::Value)>,
    >| { rows.take(RANGE_ROWS).map(|row| row.expect("reads").1.len()).sum::<usize>() };
    let mut group = criterion.benchmark_group("ranges");
    group.throughput(Throughput::Elements(RANGE_ROWS as u64));
    group.bench_function("100 rows, forward", |bencher| {
        bencher.iter(|| black_box(bytes(&mut store.range(next()..))));
    });
    group.bench_function("100 rows, backward", |bencher| {
        bencher.iter(|| black_box(bytes(&mut store.range(..=next()).rev())));
    });
    group.finish();
}

fn writes(criterion: &mut Criterion) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let store = filled(directory.path());
    let mut number = 0;
    criterion.bench_function("put, durability Os", |bencher| {
        bencher.iter(|| {
            number = (number + 7919) % ROWS;
            store.put(key(number), &VALUE).expect("commits")
        });
    });
    let mut group = criterion.benchmark_group("batches");
    group.throughput(Throughput::Elements(BATCH_ROWS));
    let mut first = 0;
    group.bench_function("batch of 1,000, durability Os", |bencher| {
        let next = || {
            first = (first + BATCH_ROWS) % ROWS;
            batch(first)
        };
        bencher.iter_batched(next, |batch| store.commit(batch).expect("commits"), BatchSize::SmallInput);
    });
    group.finish();
}

fn opening(criterion: &mut Criterion) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    filled(directory.path()).close().expect("closes");
    let mut group = criterion.benchmark_group("opening");
    group.sample_size(10);
    group.bench_function("open and close, 100,000 rows", |bencher| {
        bencher.iter(|| options().open(directory.path()).expect("opens").close().expect("closes"));
    });
    group.finish();
}

criterion_group!(hot_paths, gets, ranges, writes, opening);
criterion_main!(hot_paths);
