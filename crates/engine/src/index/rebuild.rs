//! Building the index at open, from entries of the log in any order.
//!
//! Invariant: of each key every version is kept that a view at or above the given commit can see, and no other: all that are
//! newer than it, tombstones included, and below these the newest. What views at the newest commit do not see is queued as if
//! it had been replaced now. Nobody reads while this happens.

use std::cmp::Reverse;

use super::accounts::Ledgers;
use super::entries::Entries;
use super::facade::Index;
use super::key::{Change, Space};
use super::key_order::{KeyPiece, sort};
use super::ordered::{Ordered, mark};
use super::runs::Entry;
use super::slots::Set;
use super::version::{Extent, Version};
use crate::address::Address;
use crate::numbers::{Sequence, Timestamp};

/// An entry that was met in the log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Met {
    pub(crate) address: Address,
    /// Its commit, or of a system entry its frame: see [`Rank`](super::Rank).
    pub(crate) sequence: Sequence,
    pub(crate) hash: u64,
    /// The first bytes of its key.
    pub(crate) piece: KeyPiece,
    pub(crate) ordinal: u32,
    pub(crate) space: Space,
}

impl<E: Entries> Index<E> {
    /// The index over the entries that were met, as of `now`: what has expired is not counted. `secret` is a random number of
    /// the store's own; who knows it can make lookups slow. Views at `oldest` and later can be read; what no such view sees is
    /// left out, but for expired entries, which go at the next [`Index::collect`]. The same entry met twice counts once. `kept`
    /// is called for each version that the index holds.
    pub(crate) fn rebuild(
        secret: u64,
        entries: E,
        mut met: Vec<Met>,
        (oldest, now): (Sequence, Timestamp),
        kept: &mut dyn FnMut(&Extent),
    ) -> Self {
        let mut index = Self::new(secret, entries);
        let mut waste = Vec::new();
        for space in Space::ALL {
            let mut found: Vec<Met> = met.iter().filter(|met| met.space == space).copied().collect();
            met.retain(|met| met.space != space);
            if found.is_empty() {
                continue;
            }
            sort(&mut found, &index.keys_of(space), |met| met.address, |met| &mut met.piece);
            let mut held = Vec::with_capacity(found.len());
            for versions in found.chunk_by_mut(|_, next| next.piece.is_same_key()) {
                versions.sort_unstable_by_key(|met| Reverse((met.sequence, met.ordinal, met.address)));
                index.take_in(versions, oldest, &mut held, &mut waste, kept);
            }
            let loaded = Ordered::load(&held, &index.keys_of(space));
            *index.ordered_mut(space) = loaded.expect("segments do not go while a store is opened");
        }
        index.queue(waste);
        index.reap(now);
        index
    }

    /// Enters the versions of one key that a view at `oldest` or later can see; they come newest first.
    fn take_in(
        &self,
        versions: &[Met],
        oldest: Sequence,
        held: &mut Vec<Entry>,
        waste: &mut Vec<Waiting>,
        kept: &mut dyn FnMut(&Extent),
    ) {
        let mut newer: Option<Sequence> = None;
        for met in versions {
            if newer == Some(met.sequence) {
                // An earlier operation of the same commit, or the same entry once more.
                continue;
            }
            let decides = met.sequence <= oldest || !met.space.is_versioned();
            let Some(version) = self.version_at(met.address) else { continue };
            if version.is_tombstone() {
                if decides {
                    break;
                }
                waste.push(Waiting { due: met.sequence, hash: Some(met.hash), extent: version.extent() });
            } else if let Some(due) = newer {
                waste.push(Waiting { due, hash: None, extent: version.extent() });
            }
            if newer.is_none() {
                self.enter_newest(met, version);
            }
            held.push(Entry { address: version.address, mark: mark(version.is_tombstone()) });
            kept(&version.extent());
            newer = Some(met.sequence);
            if decides {
                break;
            }
        }
    }

    /// Queues what waits for views to go, as [`Index::apply`] would have.
    fn queue(&self, mut waste: Vec<Waiting>) {
        waste.sort_by_key(|waiting| waiting.due);
        let mut garbage = self.writer();
        for Waiting { due, hash, extent } in waste {
            match hash {
                Some(hash) => garbage.push_tombstone(due, hash, extent),
                None => garbage.push_older(due, extent),
            }
        }
    }

    /// Enters the newest version of a key everywhere but in the ordered index.
    fn enter_newest(&self, newest: &Met, version: Version) {
        let mut ledgers = Ledgers::default();
        let key = || -> Vec<u8> {
            self.entries.show(newest.address, |entry| entry.key.to_vec()).unwrap_or_default()
        };
        if newest.space.is_versioned() {
            ledgers.replace(newest.space, newest.hash, None, Some(version));
            self.settle(newest.sequence, ledgers);
        }
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
    }
}

/// A version that a newer one has replaced, or, with the hash of its key, a tombstone; it waits for a commit.
#[derive(Debug)]
struct Waiting {
    due: Sequence,
    hash: Option<u64>,
    extent: Extent,
}
