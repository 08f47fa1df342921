//! The common reads: the newest value of one key, or the values of many, found and verified without a write to shared
//! memory.
//!
//! Invariant: what `read` is shown was published when the call began or since, and verified as the option says. The
//! segment table that it was found in is held meanwhile, so the bytes stay whatever compaction does.

use std::ops::ControlFlow;

use super::core::Core;
use super::read::Target;
use super::snapshot::PinnedView;
use crate::error::Result;
use crate::hash::key_hash;
use crate::index::{Begun, Entry, Look, Newest, Space, VersionKind, View};
use crate::keyspace::Keyspace;
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
    #[inline]
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Here(_, bytes) => bytes,
            Self::Elsewhere(value) => value,
        }
    }

    #[inline]
    fn owned(self) -> Value {
        match self {
            Self::Here(place, _) => Value::new(place.map.clone(), place.start, place.length),
            Self::Elsewhere(value) => value,
        }
    }
}

/// What is to be said of the newest entry of a key without looking further.
#[derive(Debug)]
enum Sight<'a> {
    /// The view sees this value.
    Value(InPlace<'a>, &'a [u8]),
    /// The view sees that the key was deleted.
    Deleted,
    /// That is for the long way: the view does not include the entry, the value is a big one or has a deadline that has
    /// come, or there is damage to be reported.
    Unsure,
}

/// Keys that are looked up together: as many cache misses as a processor has under way at once, and a few more.
const TOGETHER: usize = 32;

impl Core {
    /// The values of `keys` at a view that is in use.
    pub(crate) fn get_many<K: AsRef<[u8]>>(
        &self,
        keys: &[K],
        pinned: &PinnedView,
    ) -> Result<Vec<Option<Value>>> {
        let mut values = Vec::with_capacity(keys.len());
        self.each_of(keys, pinned, |read| values.push(read.map(Read::owned)))?;
        Ok(values)
    }

    /// Calls `read` with the value of each key, in their order, at a view that is in use.
    pub(crate) fn with_values<K: AsRef<[u8]>>(
        &self,
        keys: &[K],
        pinned: &PinnedView,
        mut read: impl FnMut(Option<&[u8]>),
    ) -> Result<()> {
        self.each_of(keys, pinned, |found| read(found.as_ref().map(Read::bytes)))
    }

    /// Three passes over a few keys at a time, so that their cache misses overlap: the slots, the entries, the values.
    fn each_of<K: AsRef<[u8]>>(
        &self,
        keys: &[K],
        pinned: &PinnedView,
        mut each: impl FnMut(Option<Read<'_>>),
    ) -> Result<()> {
        self.check_open()?;
        let view = pinned.view;
        if !pinned.keyspace.is_own() {
            for key in keys {
                let value = self.read_at(Target::Key(key.as_ref()), pinned, |hit| self.value_of(hit))?;
                each(value.map(Read::Elsewhere));
            }
            return Ok(());
        }
        let mut look = self.index.look();
        let mut begun = [Begun::default(); TOGETHER];
        for keys in keys.chunks(TOGETHER) {
            if !look.is_current() {
                look.renew();
            }
            for (begun, key) in begun.iter_mut().zip(keys) {
                *begun = self.index.begin(key_hash(key.as_ref()));
            }
            begun.iter_mut().take(keys.len()).for_each(|begun| self.index.go_on(begun, &mut look));
            for (key, begun) in keys.iter().map(AsRef::as_ref).zip(&begun) {
                match self.index.finish(begun, key, &look) {
                    Newest::Plain(_, entry)
                        if let Sight::Value(place, bytes) = self.sight(&entry, view, || view.time) =>
                    {
                        each(Some(Read::Here(place, bytes)));
                    }
                    Newest::Absent => each(None),
                    Newest::Plain(..) | Newest::Unsure => {
                        let value = self.read_at(Target::Key(key), pinned, |hit| self.value_of(hit))?;
                        each(value.map(Read::Elsewhere));
                    }
                }
            }
        }
        Ok(())
    }

    /// The newest value of `key`.
    #[inline]
    pub(crate) fn get(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Value>> {
        if !keyspace.is_own() {
            return self.read_now(keyspace, Target::Key(key), |hit| self.value_of(hit));
        }
        self.with_newest(key, &self.index.glance(), |found| found.owned())
    }

    /// What `read` makes of the newest value of `key`.
    #[inline]
    pub(crate) fn with_value<R>(
        &self,
        keyspace: Keyspace,
        key: &[u8],
        read: impl FnOnce(&[u8]) -> R,
    ) -> Result<Option<R>> {
        if !keyspace.is_own() {
            return Ok(self.get(keyspace, key)?.map(|value| read(&value)));
        }
        self.with_newest(key, &self.index.glance(), |found| read(found.bytes()))
    }

    /// Whether `key` is there.
    pub(crate) fn contains(&self, keyspace: Keyspace, key: &[u8]) -> Result<bool> {
        self.check_open()?;
        if !keyspace.is_own() {
            return Ok(self.look_up_now(keyspace, Target::Key(key)).is_some());
        }
        let hash = key_hash(key);
        let newest = match self.index.newest_plain(key, hash, &self.index.glance()) {
            Newest::Absent => return Ok(false),
            Newest::Plain(_, entry) => Some((entry.kind, entry.born)),
            Newest::Unsure => {
                self.index.see_newest(Space::Keys, key, hash, |_, entry| (entry.kind, entry.born))
            }
        };
        Ok(match newest {
            None => false,
            Some((VersionKind::Value { deadline: None }, born))
                if self.view_without_time().includes(born) =>
            {
                true
            }
            Some(_) => self.look_up_now(keyspace, Target::Key(key)).is_some(),
        })
    }

    /// Calls `read` with the newest value of `key`.
    #[inline(always)]
    fn with_newest<R>(
        &self,
        key: &[u8],
        look: &impl Look,
        read: impl FnOnce(Read<'_>) -> R,
    ) -> Result<Option<R>> {
        self.check_open()?;
        let hash = key_hash(key);
        match self.index.newest_plain(key, hash, look) {
            Newest::Absent => return Ok(None),
            Newest::Plain(_, entry) => {
                // What is published is asked for only now, when there is an entry: if it is included, it was the newest
                // entry of its key, and published, when it was found.
                if let Sight::Value(place, bytes) =
                    self.sight(&entry, self.view_without_time(), || self.time.now())
                {
                    return Ok(Some(read(Read::Here(place, bytes))));
                }
            }
            Newest::Unsure => {}
        }
        self.with_newest_at_length(key, hash, read)
    }

    /// [`Self::with_newest`] where it is not as simple as that.
    #[cold]
    fn with_newest_at_length<R>(
        &self,
        key: &[u8],
        hash: u64,
        read: impl FnOnce(Read<'_>) -> R,
    ) -> Result<Option<R>> {
        let mut read = Some(read);
        let mut once = |found: Read<'_>| read.take().map(|read| read(found));
        let seen = self.index.see_newest(Space::Keys, key, hash, |_, entry| {
            match self.sight(entry, self.view_without_time(), || self.time.now()) {
                Sight::Value(place, bytes) => ControlFlow::Break(once(Read::Here(place, bytes))),
                Sight::Deleted => ControlFlow::Break(None),
                Sight::Unsure => ControlFlow::Continue(()),
            }
        });
        match seen {
            None => Ok(None),
            Some(ControlFlow::Break(read)) => Ok(read),
            Some(ControlFlow::Continue(())) => {
                let value = self.read_now(Keyspace::OWN, Target::Key(key), |hit| self.value_of(hit))?;
                Ok(value.and_then(|value| once(Read::Elsewhere(value))))
            }
        }
    }

    /// What is to be said of the newest entry of a key at a view.
    #[inline(always)]
    fn sight<'a>(&self, entry: &Entry<'a>, view: View, now: impl FnOnce() -> Timestamp) -> Sight<'a> {
        if !view.includes(entry.born) || entry.is_damaged {
            return Sight::Unsure;
        }
        let VersionKind::Value { deadline } = entry.kind else { return Sight::Deleted };
        // The clock is asked only where it matters: it costs as much as a cache miss.
        let value = entry.value.filter(|_| deadline.is_none_or(|deadline| deadline > now()));
        match value.and_then(|place| Some((place, place.verified(self.options.verify_reads)?))) {
            Some((place, bytes)) => Sight::Value(place, bytes),
            None => Sight::Unsure,
        }
    }

    /// What is published now, for entries whose deadlines are judged by themselves.
    #[inline]
    fn view_without_time(&self) -> View {
        let (sequence, tail) = self.published.both();
        View { sequence, tail, ..View::default() }
    }
}
