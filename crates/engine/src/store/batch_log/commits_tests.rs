//! Reading commits while compaction removes what it reads.

use std::io::Write as _;

use crate::numbers::Sequence;
use crate::options::{Options, Retention};

/// A reader has found the frame of a commit with a streamed value; then the commit is pruned and compaction removes frame and
/// stream. The reader was told that the store is damaged, and not that the commit is given up.
#[test]
fn f12_a_commit_that_is_given_up_while_it_is_read_is_not_damage() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options::new().retention(Retention::All).auto_compact(false);
    let store = options.open(dir.path().join("store")).unwrap();
    let mut stream = store.stream().unwrap();
    stream.write_all(b"streamed").unwrap();
    store.put("key", stream.finish().unwrap()).unwrap();
    store.delete("key").unwrap();
    let core = store.core();
    let place = core.find_commit(Sequence(1), None).unwrap().unwrap();
    let segment = core.segments.get(place.segment).unwrap();
    assert!(core.read_retained(crate::keyspace::Keyspace::OWN, &segment, &place).unwrap().is_some());
    store.prune(Sequence(3)).unwrap();
    store.compact().unwrap();
    assert!(core.read_retained(crate::keyspace::Keyspace::OWN, &segment, &place).unwrap().is_none());
    assert!(core.find_commit(Sequence(1), None).unwrap().is_none());
}
