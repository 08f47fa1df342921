//! Commits come into the index: new versions take their places in the ordered index, the slot table and the accounts.
//!
//! Invariants: the ordered index learns of a version before the slot table; what takes the place of a version queues that as
//! garbage; nothing of it shows before the caller publishes it.

use super::accounts::Ledgers;
use super::crowds::Crowd;
use super::entries::Entries;
use super::facade::Index;
use super::key::{Change, Space};
use super::ordered::mark;
use super::scatter;
use super::slots::Set;
use super::version::{Extent, Version, View};
use crate::numbers::Sequence;
use crate::planted::{Bug, planted};

/// Changes whose slots are fetched together, where there are more than fit into the cache since they were resolved.
const TOGETHER: usize = 64;
/// So many are still there.
const WARM: usize = 256;

impl<E: Entries> Index<E> {
    /// Adds the versions of a commit, or of several, in the order of the log. The caller publishes them afterwards; until then
    /// no view includes them.
    ///
    /// Of two changes of one key the later one counts. `horizon` is the oldest view in use. `dropped` is called for each
    /// version that no view can see any more, now or in a later [`Index::collect`]. For a tombstone this says only that the
    /// index needs it no more; the entry in the log must stay as long as a segment may hold an older version of its key.
    pub(crate) fn apply(&self, changes: &[Change<'_>], horizon: View, dropped: &mut dyn FnMut(&Extent)) {
        self.raise_horizon(horizon);
        let mut ledgers = Ledgers::default();
        let InOrder { orders, hidden } = InOrder::of(changes);
        let mut garbage = self.writer();
        for (space, order) in Space::ALL.into_iter().zip(orders).filter(|(_, order)| !order.is_empty()) {
            let records: Vec<_> = order
                .iter()
                .map(|&(_, at)| &changes[at])
                .map(|change| (change.key, change.version.address, mark(change.version.is_tombstone())))
                .collect();
            self.ordered(space).push(&records, &self.keys_of(space), &self.drops());
        }
        let mut hidden = hidden.into_iter().peekable();
        let mut last = Sequence(0);
        for (at, change) in changes.iter().enumerate() {
            if changes.len() > WARM && at.is_multiple_of(TOGETHER) {
                let next = &changes[at..changes.len().min(at + TOGETHER)];
                next.iter().for_each(|change| self.slots.fetch(change.hash));
            }
            if hidden.next_if_eq(&at).is_some() {
                dropped(&change.version.extent());
                continue;
            }
            let before = self.place(change);
            if !change.space.is_versioned() {
                // Nobody reads older versions, so nothing waits for a view to go.
                if let Some(before) = before {
                    dropped(&before.extent());
                }
                if change.version.is_tombstone() {
                    self.forget(change.hash, change.version.address);
                    dropped(&change.version.extent());
                }
                continue;
            }
            last = change.rank.0;
            if let Some(before) = before {
                garbage.push_older(change.rank.0, before.extent());
            }
            if change.version.is_tombstone() {
                if planted(Bug::TombstoneForgottenEarly) {
                    self.forget(change.hash, change.version.address);
                }
                garbage.push_tombstone(change.rank.0, change.hash, change.version.extent());
            }
            // What has expired unnoticed is counted as it was: it is in the accounts until it is reaped.
            ledgers.replace(change.space, change.hash, before, Some(change.version));
        }
        drop(garbage);
        self.settle(last, ledgers);
    }

    /// Makes a change's version the newest of its key; returns the one before, unless that is a tombstone.
    fn place(&self, change: &Change<'_>) -> Option<Version> {
        let Change { space, key, hash, version, before, .. } = *change;
        // What stands in the slot table under the address that was resolved is the version of this key, and its hash is not
        // a crowded one.
        let known = before.filter(|before| self.slots.replace(hash, before.address, version.address));
        let before = match known {
            Some(known) => Some(*known),
            None => self.place_anew(change, space, key, hash),
        };
        before.filter(|before| !before.is_tombstone())
    }

    /// The same for a key that is new, or whose version is not where it was found any more: one commit of the group came
    /// before, compaction has moved it, or a collection has taken it out.
    fn place_anew(&self, change: &Change<'_>, space: Space, key: &[u8], hash: u64) -> Option<Version> {
        let (address, rank) = (change.version.address, change.rank);
        let crowded = self.crowds.change(hash, |crowd| crowd.set(space, key, address, rank));
        if let Some(before) = crowded {
            return before.and_then(|before| self.version_at(before));
        }
        let mut before = None;
        let is_it = |address| {
            self.entries
                .show(address, |entry| {
                    let same = entry.is(space, key);
                    if same {
                        before = Some(Version::of(address, entry));
                    }
                    same
                })
                .unwrap_or(false)
        };
        match self.slots.set(hash, address, is_it, |address| self.hash_at(address)) {
            Set::Replaced(_) => before,
            Set::Inserted => None,
            Set::Crowded => {
                self.crowd(change);
                None
            }
        }
    }

    /// Moves every key of a hash that has become crowded, and the one that made it so, out of the slot table.
    pub(super) fn crowd(&self, change: &Change<'_>) {
        let Change { space, key, hash, version, rank, .. } = *change;
        let mut held = Vec::new();
        self.slots.candidates(hash, |address| held.push(address));
        held.sort_unstable();
        held.dedup();
        held.retain(|address| self.hash_at(*address) == Some(hash));
        let mut crowd = Crowd::default();
        for &address in &held {
            let held = self.entries.rank(address).unwrap_or_default();
            self.entries.show(address, |entry| crowd.set(entry.space, entry.key, address, held));
        }
        crowd.set(space, key, version.address, rank);
        self.crowds.list(hash, crowd);
        for address in held {
            self.slots.remove(hash, address);
        }
    }
}

/// The places of changes of each space in key order, each with eight bytes of its key; versions of one key newest first.
struct InOrder {
    orders: [Vec<(u64, usize)>; Space::ALL.len()],
    /// The places, ascending, of those that a later change of the same key in the same commit replaces: nobody ever sees them.
    hidden: Vec<usize>,
}

impl InOrder {
    fn of(changes: &[Change<'_>]) -> Self {
        let mut hidden = Vec::new();
        let orders = Space::ALL.map(|space| in_key_order(changes, space, &mut hidden));
        hidden.sort_unstable();
        Self { orders, hidden }
    }
}

fn in_key_order(changes: &[Change<'_>], space: Space, hidden: &mut Vec<usize>) -> Vec<(u64, usize)> {
    let of_space = || changes.iter().enumerate().filter(|(_, change)| change.space == space);
    let Some((_, first)) = of_space().next() else { return Vec::new() };
    // What all keys begin with tells none of them apart.
    let shared = of_space().fold(first.key.len(), |shared, (_, change)| {
        let ours = &first.key[..shared];
        if change.key.starts_with(ours) { shared } else { common(ours, change.key) }
    });
    let mut order: Vec<(u64, usize)> =
        of_space().map(|(at, change)| (piece(&change.key[shared..]), at)).collect();
    // Numbers alone, which is fast; where they tie, mostly nowhere, the whole keys decide.
    scatter::sort(&mut order);
    for ties in order.chunk_by_mut(|(piece, _), (next, _)| piece == next).filter(|ties| ties.len() > 1) {
        ties.sort_unstable_by(|(_, at), (_, other)| {
            let by_key = changes[*at].key[shared..].cmp(&changes[*other].key[shared..]);
            by_key.then(other.cmp(at))
        });
    }
    let mut last: Option<&Change<'_>> = None;
    order.retain(|(_, at)| {
        let change = &changes[*at];
        let is_hidden = last.is_some_and(|newer| newer.rank.0 == change.rank.0 && newer.key == change.key);
        if is_hidden {
            hidden.push(*at);
        } else {
            last = Some(change);
        }
        !is_hidden
    });
    order
}

/// The first eight bytes, zeros behind the end.
fn piece(rest: &[u8]) -> u64 {
    if let Some(bytes) = rest.first_chunk() {
        return u64::from_be_bytes(*bytes);
    }
    let mut bytes = [0; 8];
    bytes[..rest.len()].copy_from_slice(rest);
    u64::from_be_bytes(bytes)
}

fn common(left: &[u8], right: &[u8]) -> usize {
    left.iter().zip(right).take_while(|(left, right)| left == right).count()
}
