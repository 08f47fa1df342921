//! Streams, copies and transfers beyond what the suites ask: long values, races, crashes, and what is left behind.

mod stores;

use std::fs;
use std::future::poll_fn;
use std::io::{self, ErrorKind, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};

use pentad_engine::seams::Environment;
use pentad_engine::seams::sim::{SimClock, SimDisk, SimRandom};
use pentad_local_backend::{
    AsyncDataStoreReader, AsyncDataStoreWriter, Durability, KvBackend, LocalBackend, Options,
};
use pentad_traits::conformance::block_on;
use stores::Stores;

/// More than the stores of these tests take outside a stream, and not a multiple of anything.
const STREAMED_BYTES: usize = (9 << 20) + 17;

/// Bytes that show when pieces are lost, repeated or swapped.
fn payload(length: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    (0..length).map(|_| next()).collect()
}

fn read(backend: &LocalBackend, key: &[u8]) -> Option<Vec<u8>> {
    block_on(backend.read(key)).unwrap().map(|value| value.to_vec())
}

/// The stream segments in the directory of a store.
fn stream_files(path: &Path) -> Vec<String> {
    let names = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.ends_with(".stream")).collect()
}

#[test]
fn values_of_every_length_are_copied_and_transferred_whole() {
    let stores = Stores::new();
    let (backend, copies, moved) = (stores.new_store(), stores.new_store(), stores.new_store());
    // Looked at by the poll, on a thread, and streamed.
    for length in [1, 1 << 20, (1 << 20) + 1, 3 << 20, STREAMED_BYTES] {
        let (key, payload) = (length.to_string(), payload(length));
        block_on(async {
            backend.write_stream(key.as_bytes(), &mut &payload[..]).await.unwrap();
            backend.copy(key.as_bytes(), &copies).await.unwrap();
            backend.transfer(key.as_bytes(), &moved).await.unwrap();
        });
        assert_eq!(read(&backend, key.as_bytes()), None, "{length} bytes after the transfer");
        assert!(
            read(&copies, key.as_bytes()).is_some_and(|found| found == payload),
            "a copy of {length} bytes"
        );
        assert!(
            read(&moved, key.as_bytes()).is_some_and(|found| found == payload),
            "a transfer of {length} bytes"
        );
    }
    let (copies, moved) = (stores.close_and_open(copies), stores.close_and_open(moved));
    for target in [copies, moved] {
        let found = read(&target, STREAMED_BYTES.to_string().as_bytes());
        assert!(found.is_some_and(|found| found == payload(STREAMED_BYTES)), "after reopening");
    }
}

#[test]
fn a_copy_of_an_empty_value_of_another_interface_is_empty() {
    let stores = Stores::new();
    let (backend, target) = (stores.new_store(), stores.new_store());
    block_on(async {
        backend.set("k", b"").await.unwrap();
        backend.transfer(b"k", &target).await.unwrap();
    });
    assert_eq!(read(&target, b"k"), Some(Vec::new()));
    assert_eq!(read(&backend, b"k"), None);
}

/// A writer counts up under one key while another thread moves whatever is there. Whatever the two threads do, the
/// last number is in one of the stores: a delete that did not look would now and then take a number that was never
/// copied.
#[test]
fn no_overwrite_is_lost_to_a_transfer_that_runs_meanwhile() {
    const LAST: u32 = 300;
    let stores = Stores::new();
    let (backend, target) = (stores.new_store(), stores.new_store());
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for number in 1..=LAST {
                block_on(backend.write(b"k", &number.to_be_bytes())).unwrap();
            }
            done.store(true, Ordering::Release);
        });
        let mut newest = 0;
        while !done.load(Ordering::Acquire) {
            match block_on(backend.transfer(b"k", &target)) {
                Ok(_) => {}
                Err(error) => assert_eq!(error.kind(), ErrorKind::NotFound, "{error}"),
            }
            if let Some(found) = read(&target, b"k") {
                let found = u32::from_be_bytes(found.try_into().unwrap());
                assert!(found >= newest, "the target went from {newest} back to {found}");
                newest = found;
            }
        }
    });
    let last = Some(LAST.to_be_bytes().to_vec());
    match read(&backend, b"k") {
        Some(left) => assert_eq!(Some(left), last, "what is left in the source"),
        None => assert_eq!(read(&target, b"k"), last, "what is in the target"),
    }
}

fn on(disk: &SimDisk, durability: Durability) -> LocalBackend {
    let environment = Environment {
        disk: Arc::new(disk.clone()),
        clock: Arc::new(SimClock::new(1_780_000_000_000_000_000)),
        random: Arc::new(SimRandom::new(7)),
        background: false,
    };
    let engine = Options::new().environment(environment).durability(durability).segment_bytes(64 << 10);
    LocalBackend::options().engine(engine).value_bytes_max(100_000).open("/store").unwrap()
}

/// The entry is deleted in the source on the strength of the target's acknowledgement. A target whose commits need
/// not outlive a power cut must still hold this one through it.
#[test]
fn f01_what_was_transferred_survives_a_power_cut_whatever_the_level_of_the_target() {
    for length in [10, 90_000, 300_000] {
        let payload = payload(length);
        let (source_disk, target_disk) = (SimDisk::new(1), SimDisk::new(2));
        let (source, target) = (on(&source_disk, Durability::Disk), on(&target_disk, Durability::Os));
        block_on(async {
            source.write_stream(b"k", &mut &payload[..]).await.unwrap();
            source.transfer(b"k", &target).await.unwrap();
        });
        assert_eq!(read(&source, b"k"), None);
        for seed in 0..50 {
            let found = read(&on(&target_disk.crash(seed), Durability::Os), b"k");
            assert!(found.is_some_and(|found| found == payload), "{length} bytes, seed {seed}");
        }
    }
}

struct FailsAfter<'a>(&'a [u8]);

impl Read for FailsAfter<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            0 => Err(io::Error::new(ErrorKind::ConnectionReset, "the line went dead")),
            length => Ok(length),
        }
    }
}

#[test]
fn a_stream_that_fails_or_is_dropped_leaves_no_file() {
    let stores = Stores::new();
    let backend = stores.new_store();
    let path = backend.store().path().to_owned();
    let payload = payload(300_000);
    let error = block_on(backend.write_stream(b"k", &mut FailsAfter(&payload))).unwrap_err();
    assert_eq!(
        (error.kind(), error.to_string().as_str()),
        (ErrorKind::ConnectionReset, "the line went dead")
    );
    assert_eq!(stream_files(&path), [""; 0]);

    let mut reader = &payload[..];
    let future = backend.write_stream(b"k", &mut reader);
    assert_eq!(stream_files(&path).len(), 1, "the reader is drained into a file when the method is called");
    drop(future);
    assert_eq!(stream_files(&path), [""; 0]);

    let error = block_on(backend.write_stream(&vec![b'k'; 70_000], &mut &payload[..])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    assert_eq!(stream_files(&path), [""; 0]);
    assert_eq!(backend.store().len(), 0);

    block_on(backend.write_stream(b"k", &mut &payload[..])).unwrap();
    assert_eq!(stream_files(&path).len(), 1);
    assert!(read(&backend, b"k").is_some_and(|found| found == payload));
}

#[test]
fn f03_a_damaged_value_is_neither_copied_nor_deleted() {
    for length in [500, 2 << 20, STREAMED_BYTES] {
        let stores = Stores::new();
        let (backend, target) = (stores.new_store(), stores.new_store());
        let payload = payload(length);
        block_on(backend.write_stream(b"k", &mut &payload[..])).unwrap();
        let path = Stores::close(backend);
        stores::damage::flip_a_bit(&path, &payload[length / 2..length / 2 + 100]);
        let backend = stores.open(&path);
        for moved in [block_on(backend.copy(b"k", &target)), block_on(backend.transfer(b"k", &target))] {
            let error = moved.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidData, "{length} bytes: {error}");
        }
        assert_eq!(read(&target, b"k"), None);
        assert_eq!(stream_files(target.store().path()), [""; 0], "of a value of {length} bytes");
        assert!(
            block_on(KvBackend::exists(&backend, "k")).unwrap(),
            "a damaged value is still there to be salvaged"
        );
    }
}

/// The copy is dropped once its stream exists in the target; the thread that fills it finds out at its next piece.
#[test]
fn a_copy_whose_future_is_dropped_leaves_nothing_in_the_target() {
    const PATIENCE: Duration = Duration::from_secs(20);
    let stores = Stores::new();
    let (backend, target) = (stores.new_store(), stores.new_store());
    let payload = payload(STREAMED_BYTES);
    block_on(backend.write_stream(b"k", &mut &payload[..])).unwrap();
    let has_stream = || !stream_files(target.store().path()).is_empty();
    let wait_until = |what: &str, reached: &dyn Fn() -> bool| {
        let started = Instant::now();
        while !reached() {
            assert!(started.elapsed() < PATIENCE, "{what}");
            thread::yield_now();
        }
    };
    let mut future = backend.copy(b"k", &target);
    let pending = block_on(poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_pending())));
    assert!(pending, "a value of {STREAMED_BYTES} bytes is copied on a thread");
    wait_until("the copy does not begin", &has_stream);
    drop(future);
    wait_until("the file of an abandoned copy stays", &|| !has_stream());
    assert_eq!(read(&target, b"k"), None);
    assert!(read(&backend, b"k").is_some_and(|found| found == payload));
}
