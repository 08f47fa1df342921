//! Building the index at open, from entries of the log in any order.
//!
//! Invariant: of each key the entry of highest rank is kept, tombstones included until the end, so that a deleted
//! key stays deleted even when the older entry is met after its tombstone. Nobody reads while this happens, so there
//! is no view to keep an older version for.

use super::accounts::Ledger;
use super::entries::Entries;
use super::facade::Index;
use super::key::{Change, Space};
use super::key_order::{KeyPiece, sort};
use super::ordered::{Ordered, mark};
use super::runs::Entry;
use super::slots::Set;
use super::version::Version;
use crate::address::Address;
use crate::numbers::{Sequence, Timestamp};

/// An entry that was met in the log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Met {
    pub(crate) address: Address,
    pub(crate) sequence: Sequence,
    pub(crate) hash: u64,
    /// The first bytes of its key.
    pub(crate) piece: KeyPiece,
    pub(crate) ordinal: u32,
    pub(crate) space: Space,
}

impl<E: Entries> Index<E> {
    /// The index over the entries that were met, as of `now`: what has expired is not counted. `secret` is a random number of
    /// the store's own; who knows it can make lookups slow. The same entry met twice counts once. Tombstones are left out;
    /// expired entries go at the next [`Index::collect`]. `kept` is called for each version that the index holds.
    pub(crate) fn rebuild(
        secret: u64,
        entries: E,
        mut met: Vec<Met>,
        now: Timestamp,
        kept: &mut dyn FnMut(&Version),
    ) -> Self {
        let mut index = Self::new(secret, entries);
        let older_than = |met: &Met| (met.sequence, met.ordinal, met.address);
        for space in [Space::Keys, Space::Hashes] {
            let mut newest: Vec<Met> = met.iter().filter(|met| met.space == space).copied().collect();
            if space == Space::Keys {
                met.retain(|met| met.space != Space::Keys);
            } else {
                met = Vec::new();
            }
            sort(&mut newest, &index.keys_of(space), |met| met.address, |met| &mut met.piece);
            let mut held = Vec::with_capacity(newest.len());
            for group in newest.chunk_by(|_, next| next.piece.is_same_key()) {
                let Some(newest) = group.iter().max_by_key(|met| older_than(met)) else { continue };
                let taken = index.take_in(newest, kept);
                held.extend(taken.map(|address| Entry { address, mark: mark(false) }));
            }
            let loaded = Ordered::load(&held, &index.keys_of(space));
            *index.ordered_mut(space) = loaded.expect("segments do not go while a store is opened");
        }
        index.reap(now);
        index
    }

    /// Enters the newest version of a key everywhere but in the ordered index.
    fn take_in(&self, newest: &Met, kept: &mut dyn FnMut(&Version)) -> Option<Address> {
        let version = self.version_at(newest.address).filter(|version| !version.is_tombstone())?;
        let mut ledger = Ledger::default();
        let key = || -> Vec<u8> {
            self.entries.show(newest.address, |entry| entry.key.to_vec()).unwrap_or_default()
        };
        ledger.replace(newest.hash, None, Some(version));
        self.settle(ledger);
        // Each key comes once, so nothing is replaced, and no key has to be compared.
        let rank = (newest.sequence, newest.ordinal);
        let crowded = self.crowds.change(newest.hash, |crowd| {
            crowd.set(newest.space, &key(), version.address, rank);
        });
        if crowded.is_none() {
            let placed = self.slots.set(newest.hash, version.address, |_| false, |at| self.hash_at(at));
            if placed == Set::Crowded {
                let key = key();
                let (space, hash) = (newest.space, newest.hash);
                self.crowd(&Change { space, key: &key, hash, version, rank, before: None });
            }
        }
        kept(&version);
        Some(version.address)
    }
}
