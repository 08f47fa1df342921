//! Who follows the changes: a watch from any retained commit on, through everything that happens to the store, and after a
//! restart from where it stood.

use pentad_engine::{Sequence, Watch, WatchEvent, WatchFilter, WatchedCommit};

use super::history::History;
use super::older::state_at;

/// A follower of all keys or of a prefix, and what it has to be told next.
#[derive(Debug)]
pub(crate) struct Follower {
    /// `None` between two processes.
    watch: Option<Watch>,
    prefix: &'static [u8],
    next: u64,
}

impl Follower {
    pub(crate) fn new(next: u64, prefix: &'static [u8]) -> Self {
        Self { watch: None, prefix, next }
    }

    /// The process ends.
    pub(crate) fn rest(&mut self) {
        self.watch = None;
    }

    /// Takes everything that there is, and compares it with what the commits did.
    pub(crate) fn follow(&mut self, store: &pentad_engine::Store, past: &History, context: &str) {
        let context = format!("{context}, following {:?} from {}", self.prefix, self.next);
        let newest = past.sequence();
        let oldest = store.oldest_readable().map_or(newest + 1, |oldest| oldest.0);
        // A power cut may have taken commits back that were told, and a prune what was to be told.
        if self.next > newest + 1 || self.next < oldest {
            self.watch = None;
            self.next = self.next.clamp(oldest, newest + 1);
        }
        let watch = self.watch.get_or_insert_with(|| {
            let filter = WatchFilter::prefix(self.prefix);
            let watch = store.watch(filter, Sequence(self.next));
            watch.unwrap_or_else(|error| panic!("{context}: {error}")).with_previous()
        });
        while let Some(event) = watch.try_next().unwrap_or_else(|error| panic!("{context}: {error}")) {
            match event {
                WatchEvent::Commit(commit) => {
                    let sequence = commit.sequence.0;
                    assert!(
                        sequence >= self.next,
                        "{context}: {sequence} is told again, next is {}",
                        self.next
                    );
                    for passed in self.next..sequence {
                        let changes = changes_of(past, passed, self.prefix);
                        assert!(changes.is_empty(), "{context}: {passed} is not told: {changes:?}");
                    }
                    compare(&commit, past, self.prefix, &context);
                    self.next = sequence + 1;
                }
                WatchEvent::Expired { key, deadline, sequence } => {
                    assert!(deadline <= store.now(), "{context}: {key:?} expires at {deadline}");
                    let state = state_at(past, sequence.0);
                    let entry = state.keyed.get(&key[..]);
                    let ends = entry.and_then(|entry| entry.deadline);
                    assert_eq!(ends, Some(deadline.0), "{context}: {key:?} expired, behind {sequence}");
                }
                other => panic!("{context}: {other:?}"),
            }
        }
        for passed in self.next..=newest {
            let changes = changes_of(past, passed, self.prefix);
            assert!(changes.is_empty(), "{context}: {passed} is not told: {changes:?}");
        }
        self.next = newest + 1;
        assert_eq!(watch.resume_at(), Sequence(self.next), "{context}: where to resume");
    }
}

type Changed = (Vec<u8>, Option<super::request::Bytes>);

/// What a commit put, and then what it deleted, of the keys that begin so.
fn changes_of(past: &History, sequence: u64, prefix: &[u8]) -> Vec<Changed> {
    let commit = &past.commits[usize::try_from(sequence - 1).expect("few commits")];
    let put = commit.pairs.iter().filter(|(key, _)| key.starts_with(prefix));
    put.map(|(key, value)| (key.clone(), Some(value.clone()))).chain(gone(past, sequence, prefix)).collect()
}

/// The keys that were there before a commit and are not after it.
fn gone(past: &History, sequence: u64, prefix: &[u8]) -> Vec<Changed> {
    if sequence == 1 {
        return Vec::new();
    }
    let (before, after) = (state_at(past, sequence - 1), state_at(past, sequence));
    let gone = before.keyed.keys().filter(|key| key.starts_with(prefix) && !after.keyed.contains_key(*key));
    gone.map(|key| (key.clone(), None)).collect()
}

fn compare(told: &WatchedCommit, past: &History, prefix: &[u8], context: &str) {
    let sequence = told.sequence.0;
    let puts = told.changes.iter().filter_map(|change| Some((&change.key[..], change.value.as_deref()?)));
    let commit = &past.commits[usize::try_from(sequence - 1).expect("few commits")];
    let model = commit.pairs.iter().map(|(key, value)| (&key[..], &value[..]));
    let model = model.filter(|(key, _)| key.starts_with(prefix));
    assert!(puts.eq(model), "{context}: puts of {sequence}: {:?}", told.changes);
    for (key, _) in gone(past, sequence, prefix) {
        let is_told = told.changes.iter().any(|change| change.key == key && change.value.is_none());
        assert!(is_told, "{context}: {sequence} deletes {key:?} untold");
    }
    // What the first change of each key found there; the later ones found what the commit itself had made.
    for (at, change) in told.changes.iter().enumerate() {
        assert!(change.key.starts_with(prefix), "{context}: {:?} does not begin with {prefix:?}", change.key);
        let is_first = told.changes[..at].iter().all(|earlier| earlier.key != change.key);
        if is_first && sequence > 1 {
            let before = state_at(past, sequence - 1).get(&change.key, told.time.0);
            let before = before.map(|entry| &entry.value[..]);
            let key = &change.key;
            assert_eq!(change.previous.as_deref(), before, "{context}: {key:?} before {sequence}");
        }
    }
}
