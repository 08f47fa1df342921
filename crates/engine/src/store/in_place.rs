//! The common reads: the newest value of one key, or the values of many, found and verified without a write to shared
//! memory.
//!
//! Invariant: what `read` is shown was published when the call began or since, and verified as the option says. The
//! segment table that it was found in is held meanwhile, so the bytes stay whatever compaction does.

use super::core::Core;
use super::read::Target;
use crate::error::Result;
use crate::hash::key_hash;
use crate::index::{Entry, Space, Version, VersionKind, View};
use crate::numbers::Timestamp;
use crate::payload::InPlace;
use crate::value::Value;

/// A value that was read.
#[derive(Debug)]
enum Read<'a> {
    Here(InPlace<'a>, &'a [u8]),
    /// A big one, a stream, or one that took the long way.
    Elsewhere(Value),
}

impl Read<'_> {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Here(_, bytes) => bytes,
            Self::Elsewhere(value) => value,
        }
    }

    fn owned(self) -> Value {
        match self {
            Self::Here(place, _) => Value::new(place.map.clone(), place.start, place.length),
            Self::Elsewhere(value) => value,
        }
    }
}

/// Keys that are looked up together: as many cache misses as a processor has under way at once, and a few more.
const TOGETHER: usize = 32;

impl Core {
    /// The values of `keys` at a view that is in use.
    pub(crate) fn get_many<K: AsRef<[u8]>>(&self, keys: &[K], view: View) -> Result<Vec<Option<Value>>> {
        let mut values = Vec::with_capacity(keys.len());
        self.each_of(keys, view, |read| values.push(read.map(|read| read.owned())))?;
        Ok(values)
    }

    /// Calls `read` with the value of each key, in their order, at a view that is in use.
    pub(crate) fn with_values<K: AsRef<[u8]>>(
        &self,
        keys: &[K],
        view: View,
        mut read: impl FnMut(Option<&[u8]>),
    ) -> Result<()> {
        self.each_of(keys, view, |found| read(found.as_ref().map(Read::bytes)))
    }

    /// Three passes over a few keys at a time, so that their cache misses overlap: the slots, the entries, the values.
    fn each_of<K: AsRef<[u8]>>(
        &self,
        keys: &[K],
        view: View,
        mut each: impl FnMut(Option<Read<'_>>),
    ) -> Result<()> {
        self.check_open()?;
        let mut hashes = [0; TOGETHER];
        for keys in keys.chunks(TOGETHER) {
            let hashed = hashes.iter_mut().zip(keys);
            hashed.for_each(|(hash, key)| *hash = key_hash(key.as_ref()));
            let hashes = &hashes[..keys.len()];
            std::hint::black_box(hashes.iter().fold(0, |all, hash| all ^ self.index.warm(*hash)));
            hashes.iter().for_each(|hash| self.index.touch(*hash));
            for (key, hash) in keys.iter().map(AsRef::as_ref).zip(hashes) {
                let mut is_done = false;
                let newest = self.index.newest_seen(Space::Keys, key, *hash, |entry| {
                    if let Some(read) = self.seen(entry, view, || view.time) {
                        is_done = true;
                        each(Some(read));
                    }
                });
                if newest.is_none() {
                    each(None);
                } else if !is_done {
                    let value = self.read_at(Target::Key(key), view, |hit| self.value_of(hit))?;
                    each(value.map(Read::Elsewhere));
                }
            }
        }
        Ok(())
    }

    /// The newest value of `key`.
    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<Value>> {
        self.with_newest(key, |read| read.owned())
    }

    /// What `read` makes of the newest value of `key`.
    pub(crate) fn with_value<R>(&self, key: &[u8], read: impl FnOnce(&[u8]) -> R) -> Result<Option<R>> {
        let read = std::cell::Cell::new(Some(read));
        let once = |found: Read<'_>| read.take().map(|read| read(found.bytes()));
        Ok(self.with_newest(key, once)?.flatten())
    }

    /// Whether `key` is there.
    pub(crate) fn contains(&self, key: &[u8]) -> Result<bool> {
        self.check_open()?;
        Ok(self.newest_now(key, key_hash(key)).is_some())
    }

    /// Calls `read` with the newest value of `key`.
    fn with_newest<R>(&self, key: &[u8], read: impl Fn(Read<'_>) -> R) -> Result<Option<R>> {
        self.check_open()?;
        let (sequence, tail) = self.published.both();
        let view = View { sequence, tail, ..View::default() };
        let mut done = None;
        let newest = self.index.newest_seen(Space::Keys, key, key_hash(key), |entry| {
            // The clock is asked only where it matters: it costs as much as a cache miss.
            done = self.seen(entry, view, || self.time.now()).map(&read);
        });
        match newest {
            None => Ok(None),
            Some(_) if done.is_some() => Ok(done),
            Some(_) => self.read_now(Target::Key(key), |hit| Ok(read(Read::Elsewhere(self.value_of(hit)?)))),
        }
    }

    /// The value of the newest entry of a key, if the view includes it, it is live, and it verifies where it lies. Every other
    /// case, damage included, is for the long way.
    #[inline]
    fn seen<'a>(&self, entry: &Entry<'a>, view: View, now: impl FnOnce() -> Timestamp) -> Option<Read<'a>> {
        let VersionKind::Value { deadline } = entry.kind else { return None };
        let place = entry.value?;
        let is_live = view.includes(entry.born) && deadline.is_none_or(|deadline| deadline > now());
        if !is_live {
            return None;
        }
        let bytes = place.verified(self.options.verify_reads)?;
        Some(Read::Here(place, bytes))
    }

    /// The newest live version of `key` among what is published.
    fn newest_now(&self, key: &[u8], hash: u64) -> Option<Version> {
        let (sequence, tail) = self.published.both();
        let newest = self.index.newest(Space::Keys, key, hash)?;
        let is_included = View { sequence, tail, ..View::default() }.includes(newest.born);
        if !is_included {
            return self.look_up_now(Target::Key(key)).map(|hit| hit.version);
        }
        // The clock is asked only where it matters: it costs as much as a cache miss.
        let is_live = !newest.is_tombstone() && newest.deadline().is_none_or(|at| at > self.time.now());
        is_live.then_some(newest)
    }
}
