//! Models for loom of reads that hold nothing, against whoever drops and moves what they look at.

use std::ops::ControlFlow;

use loom::sync::atomic::{AtomicU64, Ordering};
use loom::sync::{Arc, Mutex};
use loom::thread;

use super::{look_up_unpinned, read_unmoved};
use crate::error::{Error, ErrorKind};
use crate::index::View;
use crate::numbers::{LogOffset, Sequence};
use crate::store::published::Published;

fn at(sequence: Sequence) -> View {
    View { sequence, ..View::default() }
}

/// One key that is overwritten again and again: each commit adds a version, and then the one before it is dropped.
struct Overwritten {
    published: Published,
    horizon: AtomicU64,
    /// The oldest and the newest version in the index, under one lock as in the index.
    versions: Mutex<(u64, u64)>,
}

impl Overwritten {
    fn new() -> Self {
        Self {
            published: Published::new(Sequence(1), LogOffset(0)),
            horizon: AtomicU64::new(0),
            versions: Mutex::new((1, 1)),
        }
    }

    /// What the leader does with a commit when nobody pins anything.
    fn overwrite(&self, sequence: u64) {
        self.versions.lock().unwrap().1 = sequence;
        self.published.publish(Sequence(sequence), LogOffset(0));
        self.horizon.fetch_max(sequence, Ordering::AcqRel);
        self.versions.lock().unwrap().0 = sequence;
    }

    /// The newest version at or below the view, if it has not been dropped.
    fn look_up(&self, view: View) -> Option<u64> {
        let (oldest, newest) = *self.versions.lock().unwrap();
        let seen = newest.min(view.sequence.0);
        (seen >= oldest).then_some(seen)
    }
}

#[test]
fn loom_a_key_that_is_overwritten_is_never_taken_for_absent() {
    loom::model(|| {
        let key = Arc::new(Overwritten::new());
        let writer = {
            let key = Arc::clone(&key);
            thread::spawn(move || {
                key.overwrite(2);
                key.overwrite(3);
            })
        };
        let found = look_up_unpinned(
            || at(key.published.sequence()),
            |view| key.look_up(view),
            |_| false,
            || at(Sequence(key.horizon.load(Ordering::Acquire))),
        );
        assert!(found.is_some(), "a key that was there all the time was not found");
        writer.join().unwrap();
    });
}

/// An entry that compaction moves from one segment to the next.
struct Moved {
    /// The segment that the index names.
    place: Mutex<u64>,
    /// The segments that are there: a bit for each. Stands for the table, which is replaced as a whole.
    table: AtomicU64,
}

impl Moved {
    /// What a compaction does at its end, in its order.
    fn compact(&self, from: u64, to: u64) {
        self.table.fetch_or(1 << to, Ordering::AcqRel);
        *self.place.lock().unwrap() = to;
        self.table.fetch_and(!(1 << from), Ordering::AcqRel);
    }

    fn is_there(&self, segment: u64) -> bool {
        self.table.load(Ordering::Acquire) & (1 << segment) != 0
    }

    fn read(&self, segment: u64) -> Result<u64, Error> {
        let gone = || Error::new(ErrorKind::Damaged, "the segment of an entry is gone");
        if self.is_there(segment) { Ok(segment) } else { Err(gone()) }
    }
}

#[test]
fn loom_an_entry_that_is_moved_is_found_where_it_is() {
    loom::model(|| {
        let entry = Arc::new(Moved { place: Mutex::new(1), table: AtomicU64::new(0b10) });
        let compaction = {
            let entry = Arc::clone(&entry);
            thread::spawn(move || {
                entry.compact(1, 2);
                entry.compact(2, 3);
            })
        };
        let looks = AtomicU64::new(0);
        let found = read_unmoved(
            || {
                assert!(looks.fetch_add(1, Ordering::Relaxed) < 3, "two moves take at most three looks");
                Ok(Some(*entry.place.lock().unwrap()))
            },
            |&segment| match entry.read(segment) {
                Err(_) if !entry.is_there(segment) => ControlFlow::Continue(()),
                result => ControlFlow::Break(result),
            },
            |&segment| entry.read(segment),
        );
        assert!(
            found.is_ok_and(|found| found.is_some()),
            "an entry that was there all the time was not read"
        );
        compaction.join().unwrap();
    });
}

/// A stream is put by one commit while a compaction asks which streams nobody refers to. The commit notes the stream in its
/// segment before it gives up the lease; the compaction looks at the lease before it looks at the notes.
#[test]
fn loom_a_stream_that_a_commit_has_just_put_is_not_taken_for_unused() {
    loom::model(|| {
        let lease = Arc::new(AtomicU64::new(1));
        let noted = Arc::new(Mutex::new(false));
        let commit = {
            let (lease, noted) = (Arc::clone(&lease), Arc::clone(&noted));
            thread::spawn(move || {
                *noted.lock().unwrap() = true;
                // As `Arc` does it when the staged stream is dropped.
                lease.fetch_sub(1, Ordering::Release);
            })
        };
        // `Weak::strong_count` is relaxed; the lock of the notes is what orders the two.
        let leased = lease.load(Ordering::Relaxed) > 0;
        let unused = !leased && !*noted.lock().unwrap();
        assert!(!unused, "the stream of a commit would be removed");
        commit.join().unwrap();
    });
}
