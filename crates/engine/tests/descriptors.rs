//! F25: an open store whose process has no file descriptor left, and then has some again.
//!
//! The limit is one of the whole process, so this is the only test of its binary.

use pentad_engine::{Batch, Durability, ErrorKind, Options, Store};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

const VALUE_BYTES: usize = 20_000;

fn limit_descriptors(to: Option<u64>) {
    let old = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: to, ..old }).unwrap();
}

fn put(store: &Store, number: usize) -> pentad_engine::Result<()> {
    let mut batch = Batch::new();
    batch.put(format!("key{number:04}"), vec![b'v'; VALUE_BYTES]);
    store.commit(std::mem::take(batch.durability(Durability::Os))).map(drop)
}

/// Puts until the log has to go on in a new file, which cannot be made; then everything that needs a file is refused and
/// everything else goes on. Nothing of it may outlast the shortage.
#[test]
fn f25_a_store_without_descriptors_refuses_and_goes_on_when_there_are_some() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    let options = Options::new().segment_bytes(256 << 10).auto_compact(false);
    let store = options.open(&path).unwrap();
    put(&store, 0).unwrap();
    let usual = getrlimit(Resource::Nofile).current;
    let mut count = 1;
    for round in 0..3 {
        limit_descriptors(Some(0));
        let refused = loop {
            match put(&store, count) {
                Ok(()) => count += 1,
                Err(error) => break error,
            }
            assert!(count < 10_000, "no put needed a new file");
        };
        let stream = store.stream().unwrap_err();
        let compaction = store.prune(store.sequence().next()).and_then(|_| store.compact()).unwrap_err();
        for error in [&refused, &stream, &compaction] {
            assert_eq!(error.kind(), ErrorKind::Io, "round {round}: {error}");
            assert!(error.to_string().contains("Too many open files"), "round {round}: {error}");
        }
        assert!(!store.stats().poisoned, "round {round}: {refused}");
        assert_eq!(store.range::<&str>(..).count(), count, "round {round}: reads go on");

        limit_descriptors(usual);
        put(&store, count).unwrap_or_else(|error| panic!("round {round}, with descriptors again: {error}"));
        count += 1;
        store.compact().unwrap();
    }
    store.close().unwrap();
    assert!(pentad_engine::verify(&path, &options, &mut |_| {}).unwrap().damage.is_empty());
    let store = options.open(&path).unwrap();
    assert_eq!(store.len(), count as u64);
    for number in 0..count {
        let value = store.get(format!("key{number:04}")).unwrap();
        assert!(value.is_some_and(|value| *value == vec![b'v'; VALUE_BYTES][..]), "key {number}");
    }
}
