//! What the index reads in the log: it holds addresses, and whatever it wants to know of an entry stands there.
//!
//! Invariant: what an address shows never changes while its segment is there. A segment goes only after every entry
//! that is still wanted was moved and the index was told, so an address that shows nothing was read before that: look
//! again, and if it is still the same one, nobody wants the entry any more.

use std::fmt::Debug;

use super::key::Space;
use super::runs::{Keys, Missing};
use super::version::{Born, VersionKind};
use crate::address::Address;
use crate::format::entry::Lineage;
use crate::numbers::{Sequence, Timestamp};
use crate::payload::InPlace;

/// An entry of the log, as far as the index is concerned.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<'a> {
    pub(crate) space: Space,
    /// The key; of a hash-only entry the hash in 8 big-endian bytes.
    pub(crate) key: &'a [u8],
    pub(crate) kind: VersionKind,
    /// The size on disk of the whole entry.
    pub(crate) bytes: u64,
    pub(crate) born: Born,
    /// What it says of the versions before it.
    pub(crate) lineage: Option<Lineage>,
    /// The value, where it lies in one piece beside the key; the index only passes it on.
    pub(crate) value: Option<InPlace<'a>>,
    /// The entry cannot be read any more; the rest means nothing.
    pub(crate) is_damaged: bool,
}

impl Entry<'_> {
    /// Whether it is an entry of this key.
    #[inline]
    pub(super) fn is(&self, space: Space, key: &[u8]) -> bool {
        !self.is_damaged && self.space == space && self.key == key
    }

    /// Whether it is a value that has not expired at `time`.
    #[inline]
    pub(super) fn is_live_at(&self, time: Timestamp) -> bool {
        self.kind.is_live_at(time)
    }

    /// The hash by which it is found.
    pub(crate) fn hash(&self) -> u64 {
        self.space.hash(self.key)
    }
}

/// When an entry was written: its commit, and its number in there, from 0. It orders the versions of all keys. A system entry
/// has the number of its frame in place of that of a commit: it may have none.
pub(crate) type Rank = (Sequence, u32);

/// The log as the index reads it.
pub(crate) trait Entries: Debug + Send + Sync {
    /// Calls `read` with the entry at `address`; `None` when its segment has gone.
    fn show<R>(&self, address: Address, read: impl FnOnce(&Entry<'_>) -> R) -> Option<R>;

    /// A look at the log for many reads that follow each other; every read costs least.
    fn look(&self) -> impl Look;

    /// A look at the log for one read; it costs least to take.
    fn glance(&self) -> impl Look {
        self.look()
    }

    /// The rank of the entry at `address`; `None` when its segment has gone or the frame cannot be read any more. Costs a
    /// walk over a few kilobytes of the log.
    fn rank(&self, address: Address) -> Option<Rank>;
}

/// The log as one reader holds it who goes on reading: nearly every entry is shown at the least cost.
///
/// What it shows stays as long as it is held, also when its segment is removed meanwhile. What was written or moved since it
/// was taken need not show.
pub(crate) trait Look: Debug {
    /// The entry at an address, if it is the value of a key of the user's, lies in one piece and has no deadline. `None` says
    /// nothing: ask [`Entries::show`].
    fn plain(&self, address: Address) -> Option<Entry<'_>>;

    /// Called with the address of an entry that is going to be read at once: fetches what else that takes, beside its first
    /// line, so that the waiting for both overlaps.
    fn reach(&self, address: Address);

    /// The lineage of the entry at an address, which says nothing of it itself; `None` when its segment does not show. Costs at most
    /// a walk over a few kilobytes of the log.
    fn lineage(&self, address: Address) -> Option<Lineage>;

    /// Called with the addresses of entries that are about to be read; may fetch them into the cache.
    fn fetch(&mut self, address: Address);

    /// Whether nothing that was moved or written since may be missing.
    fn is_current(&self) -> bool;

    /// Takes the log as it is now.
    fn renew(&mut self);
}

/// The keys of one space.
#[derive(Debug)]
pub(super) struct SpaceKeys<'a, E> {
    pub(super) entries: &'a E,
    pub(super) space: Space,
}

impl<E: Entries> Keys for SpaceKeys<'_, E> {
    fn key<R>(&self, address: Address, read: impl FnOnce(&[u8]) -> R) -> Result<R, Missing> {
        let shown = self.entries.show(address, |entry| {
            if entry.is_damaged {
                return Err(Missing::Damaged);
            }
            debug_assert!(entry.space == self.space, "{address:?} is of the other space");
            Ok(read(entry.key))
        });
        shown.unwrap_or(Err(Missing::Gone))
    }

    fn toucher(&self) -> impl FnMut(Address) {
        let mut look = self.entries.look();
        move |address| {
            if !look.is_current() {
                look.renew();
            }
            look.fetch(address);
        }
    }
}
