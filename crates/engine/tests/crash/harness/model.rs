//! What a store holds after a commit, worked out the slow and obvious way.

use std::collections::BTreeMap;

use pentad_engine::{ErrorKind, key_hash};

use super::request::{Bytes, Change, Condition, End, Request};

/// A stored entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) value: Bytes,
    /// Store time in nanoseconds.
    pub(crate) deadline: Option<u64>,
    /// The commit, and the operation in it, that wrote the entry.
    pub(crate) stamp: (u64, usize),
    /// The commit that made the key, and how many versions there have been since.
    pub(crate) lineage: (u64, u32),
}

impl Entry {
    pub(crate) fn is_live(&self, now: u64) -> bool {
        self.deadline.is_none_or(|deadline| now < deadline)
    }
}

/// Everything in the store at one sequence. Expired entries stay until something replaces them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) keyed: BTreeMap<Vec<u8>, Entry>,
    pub(crate) hashed: BTreeMap<u64, Entry>,
}

/// What a commit does.
pub(crate) struct Applied {
    pub(crate) state: State,
    /// Whether it takes a sequence.
    pub(crate) changed: bool,
    pub(crate) deleted: u64,
    pub(crate) counter: Option<i64>,
    /// Its entry in the batch log.
    pub(crate) pairs: Vec<(Vec<u8>, Bytes)>,
}

/// How a request ends.
pub(crate) enum Verdict {
    Applied(Applied),
    /// A condition does not hold.
    NotApplied,
    Refused(ErrorKind),
}

impl State {
    /// The live entry of `key` at `now`.
    pub(crate) fn get(&self, key: &[u8], now: u64) -> Option<&Entry> {
        self.keyed.get(key).filter(|entry| entry.is_live(now))
    }

    pub(crate) fn get_hash_only(&self, hash: u64, now: u64) -> Option<&Entry> {
        self.hashed.get(&hash).filter(|entry| entry.is_live(now))
    }

    /// The newest live entry with the hash, keyed or not.
    pub(crate) fn get_hashed(&self, hash: u64, now: u64) -> Option<&Entry> {
        let keyed = self.keyed.iter().filter(|(key, _)| key_hash(key) == hash).map(|(_, entry)| entry);
        keyed.chain(self.hashed.get(&hash)).filter(|entry| entry.is_live(now)).max_by_key(|entry| entry.stamp)
    }

    /// Live keyed entries in the order of their keys.
    pub(crate) fn rows(&self, now: u64) -> impl DoubleEndedIterator<Item = (&Vec<u8>, &Entry)> {
        self.keyed.iter().filter(move |(_, entry)| entry.is_live(now))
    }

    /// How many entries are live, hash-only ones included.
    pub(crate) fn len(&self, now: u64) -> u64 {
        (self.rows(now).count() + self.hashed.values().filter(|entry| entry.is_live(now)).count()) as u64
    }

    /// The live entry written last.
    pub(crate) fn last(&self, now: u64) -> Option<&Entry> {
        let all = self.keyed.values().chain(self.hashed.values());
        all.filter(|entry| entry.is_live(now)).max_by_key(|entry| entry.stamp)
    }

    fn holds(&self, key: &[u8], condition: &Condition, now: u64) -> bool {
        match (condition, self.get(key, now)) {
            (Condition::Absent, entry) => entry.is_none(),
            (_, None) => false,
            (Condition::Present, Some(_)) => true,
            (Condition::Value(value), Some(entry)) => entry.value == *value,
            (Condition::Unmodified(sequence), Some(entry)) => entry.stamp.0 == *sequence,
        }
    }

    /// What `request` does if it is the commit `sequence` at store time `now`.
    pub(crate) fn apply(&self, request: &Request, now: u64, sequence: u64) -> Verdict {
        if !request.conditions.iter().all(|(key, condition)| self.holds(key, condition, now)) {
            return Verdict::NotApplied;
        }
        let mut applied = Applied {
            state: self.clone(),
            changed: request.always,
            deleted: 0,
            counter: None,
            pairs: Vec::new(),
        };
        for (at, change) in request.changes.iter().enumerate() {
            if let Err(refused) = applied.change(change, now, (sequence, at)) {
                return Verdict::Refused(refused);
            }
        }
        Verdict::Applied(applied)
    }
}

impl Applied {
    fn put(&mut self, key: &[u8], value: Bytes, deadline: Option<u64>, now: u64, stamp: (u64, usize)) {
        self.changed = true;
        self.pairs.push((key.to_vec(), value.clone()));
        let lineage = match self.state.get(key, now) {
            Some(before) => (before.lineage.0, before.lineage.1 + 1),
            None => (stamp.0, 1),
        };
        self.state.keyed.insert(key.to_vec(), Entry { value, deadline, stamp, lineage });
    }

    fn change(&mut self, change: &Change, now: u64, stamp: (u64, usize)) -> Result<(), ErrorKind> {
        match change {
            Change::Put { key, value, end } => {
                let deadline = match *end {
                    End::Never => None,
                    End::AfterNs(ns) => Some(now.saturating_add(ns)),
                    End::AtNs(ns) => Some(ns),
                };
                self.put(key, value.clone(), deadline, now, stamp);
            }
            Change::PutStreamed { key, value } => self.put(key, value.clone(), None, now, stamp),
            Change::PutHashed { hash, value } => {
                self.changed = true;
                // Nobody can ask for it.
                let lineage = (0, 0);
                self.state
                    .hashed
                    .insert(*hash, Entry { value: value.clone(), deadline: None, stamp, lineage });
            }
            Change::Delete { key } => self.delete(key, now),
            Change::DeleteWithHashed { key } => {
                self.delete(key, now);
                self.delete_hash_only(key_hash(key), now);
            }
            Change::DeleteHashed { hash } => {
                let keys: Vec<_> =
                    self.state.keyed.keys().filter(|key| key_hash(key) == *hash).cloned().collect();
                for key in keys {
                    self.delete(&key, now);
                }
                self.delete_hash_only(*hash, now);
            }
            Change::Rename { from, to } => {
                if from == to {
                    return Err(ErrorKind::InvalidInput);
                }
                let entry = self.state.get(from, now).ok_or(ErrorKind::KeyNotFound)?.clone();
                self.state.keyed.remove(from);
                self.put(to, entry.value, entry.deadline, now, stamp);
            }
            Change::Increment { key, delta } => {
                let before = match self.state.get(key, now) {
                    None => 0,
                    Some(entry) => std::str::from_utf8(&entry.value)
                        .ok()
                        .and_then(|text| text.parse::<i64>().ok())
                        .ok_or(ErrorKind::WrongType)?,
                };
                let after = before.saturating_add(*delta);
                self.counter = Some(after);
                self.put(key, after.to_string().into_bytes().into(), None, now, stamp);
            }
        }
        Ok(())
    }

    fn delete(&mut self, key: &[u8], now: u64) {
        if self.state.get(key, now).is_some() {
            self.state.keyed.remove(key);
            self.changed = true;
            self.deleted += 1;
        }
    }

    fn delete_hash_only(&mut self, hash: u64, now: u64) {
        if self.state.get_hash_only(hash, now).is_some() {
            self.state.hashed.remove(&hash);
            self.changed = true;
            self.deleted += 1;
        }
    }
}
