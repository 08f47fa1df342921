//! The common reads: the newest value of one key, or the values of many, found and verified without a write to shared
//! memory.
//!
//! Invariant: what `read` is shown was published when the call began or since, and verified as the option says. The
//! segment table that it was found in is held meanwhile, so the bytes stay whatever compaction does.

use super::core::Core;
use super::read::Target;
use super::unpinned::MOVES_MAX;
use crate::address::Address;
use crate::error::{Error, Result};
use crate::format::checksum;
use crate::format::entry::{EntryHead, HEAD_BYTES_MAX, Place, Subject};
use crate::hash::key_hash;
use crate::index::{Space, Version, View};
use crate::log::frame_writer::DraftSubject;
use crate::log::segment::Segment;
use crate::options::VerifyReads;
use crate::seams::Map;
use crate::value::Value;

/// A verified value within a segment that stays mapped.
#[derive(Clone, Copy, Debug)]
struct Found<'a> {
    map: &'a Map,
    start: u64,
    length: u64,
    bytes: &'a [u8],
}

/// A value that was read.
#[derive(Debug)]
enum Read<'a> {
    Here(Found<'a>),
    /// A big one, a stream, or one that took the long way.
    Elsewhere(Value),
}

impl Read<'_> {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Here(found) => found.bytes,
            Self::Elsewhere(value) => value,
        }
    }

    fn owned(self) -> Value {
        match self {
            Self::Here(found) => Value::new(found.map.clone(), found.start, found.length),
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
                let Some(version) = self.index.get(key, *hash, view) else {
                    each(None);
                    continue;
                };
                let table = self.segments.now();
                let segment = table.in_slot(version.address.slot());
                match segment.and_then(|segment| self.small_value(segment, version.address.offset(), key)) {
                    Some(found) => each(Some(Read::Here(found))),
                    None => {
                        let value = self.read_at(Target::Key(key), view, |hit| self.value_of(hit))?;
                        each(value.map(Read::Elsewhere));
                    }
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
        let hash = key_hash(key);
        for _ in 0..MOVES_MAX {
            let Some(version) = self.newest_now(key, hash) else { return Ok(None) };
            let table = self.segments.now();
            // Gone: compaction has moved the entry since it was found.
            let Some(segment) = table.in_slot(version.address.slot()) else { continue };
            if let Some(found) = self.small_value(segment, version.address.offset(), key) {
                return Ok(Some(read(Read::Here(found))));
            }
            let subject = DraftSubject::Key(bytes::Bytes::copy_from_slice(key));
            let value = self.payload_in(segment, version.address.offset(), &subject)?.value()?;
            return Ok(Some(read(Read::Elsewhere(value))));
        }
        self.read_now(Target::Key(key), |hit| Ok(read(Read::Elsewhere(self.value_of(hit)?))))
    }

    /// What `read` makes of the value of the entry at `address`, which the caller has just found at a view that is in use.
    pub(crate) fn value_in_place<R>(
        &self,
        address: Address,
        key: &[u8],
        view: View,
        read: impl FnOnce(&[u8]) -> R,
    ) -> Result<R> {
        let table = self.segments.now();
        let Some(segment) = table.in_slot(address.slot()) else {
            // Compaction has moved it in this very moment; where it went is found by the key.
            let value = self.read_at(Target::Key(key), view, |hit| self.value_of(hit))?;
            return value.map(|value| read(&value)).ok_or_else(|| self.gone(address));
        };
        if let Some(found) = self.small_value(segment, address.offset(), key) {
            return Ok(read(found.bytes));
        }
        let subject = DraftSubject::Key(bytes::Bytes::copy_from_slice(key));
        Ok(read(&self.payload_in(segment, address.offset(), &subject)?.value()?))
    }

    fn gone(&self, address: Address) -> Error {
        Error::damaged(&self.dir, address.offset(), "the segment of an entry is gone")
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

    /// The value of the entry at `offset`, if it is an inline one that verifies as a whole; every other case, damage
    /// included, is for the long way.
    fn small_value<'a>(&self, segment: &'a Segment, offset: u64, key: &[u8]) -> Option<Found<'a>> {
        let map = segment.kept_map()?;
        let length = HEAD_BYTES_MAX.min(map.length().checked_sub(offset)?);
        let alignment = self.identity.alignment.bytes();
        let (head, layout) = EntryHead::decode(map.slice(offset, length)?, offset, alignment).ok()?;
        let Place::Inline { length, checksum } = head.place else { return None };
        if head.subject != Subject::Key(key) || layout.table.is_some() {
            return None;
        }
        let bytes = map.slice(layout.payload, length)?;
        let verified = match self.options.verify_reads {
            VerifyReads::FirstTouch => segment.touched().contains(offset),
            VerifyReads::Always => false,
            VerifyReads::Never => true,
        };
        if !verified {
            if checksum::plain(bytes) != checksum {
                return None;
            }
            segment.touched().insert(offset);
        }
        Some(Found { map, start: layout.payload, length, bytes })
    }
}
