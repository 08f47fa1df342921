//! The index as the store sees it: its state, and everything that changes it. Reads are in `lookup.rs`.
//!
//! Invariants: a mutation holds `writer` and updates the ordered index before the slot table; the horizon never moves
//! back. See the module for the order of the locks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::accounts::{Accounts, Ledger};
use super::crowds::{Crowd, Crowds};
use super::drops::Drops;
use super::entries::{Entries, SpaceKeys};
use super::garbage::{Garbage, Waste};
use super::key::{Change, Key, Space};
use super::ordered::Ordered;
use super::slots::{Set, SlotTable};
use super::told::{Expiry, Forgotten};
use super::version::{Extent, Version, VersionKind, View};
use crate::address::Address;
use crate::numbers::{LogOffset, Sequence, Timestamp};
use crate::planted::{Bug, planted};
use crate::seams::lock::{Mutex, MutexGuard};

/// Waste that is worked off under one hold of the lock.
const SLICE: usize = 1024;

/// Only a defect of the index itself can leave a lock of it poisoned. It is then not known which keys are found, and
/// answering would be guessing.
pub(super) const WHOLE: &str = "the index is whole: no thread panicked while changing it";

/// Where every version that a view can still see stands in the log.
///
/// Mutations (`apply`, `collect`, `relocate`, `reap`) may be called while others read; `apply` has one caller at a
/// time, the others any number.
#[derive(Debug)]
pub(crate) struct Index<E> {
    pub(super) entries: E,
    /// The newest version of each key, by hash.
    pub(super) slots: SlotTable,
    pub(super) crowds: Crowds,
    /// Every version that is held, by key, for each of the two spaces.
    pub(super) keys: Ordered,
    pub(super) hashes: Ordered,
    /// Held by whoever changes the parts, so that they change in the same order.
    writer: Mutex<Garbage>,
    accounts: Mutex<Accounts>,
    /// How many expiries the accounts have told of.
    told: AtomicU64,
    /// The highest horizon given; sequence, tail and time, each on its own.
    horizon: [AtomicU64; 3],
}

impl<E: Entries> Index<E> {
    /// An empty index; a store gets its own from [`Index::rebuild`]. `secret` is a random number of the store's own; who knows it can make lookups slow.
    pub(crate) fn new(secret: u64, entries: E) -> Self {
        Self {
            entries,
            slots: SlotTable::new(secret),
            crowds: Crowds::default(),
            keys: Ordered::default(),
            hashes: Ordered::default(),
            writer: Mutex::default(),
            accounts: Mutex::default(),
            told: AtomicU64::new(0),
            horizon: Default::default(),
        }
    }

    /// Adds the versions of one commit, in its order; the commits come in the order of the log. The caller publishes it
    /// afterwards; until then no view includes it.
    ///
    /// Of two changes of one key the later one counts. `horizon` is the oldest view in use. `dropped` is called for each
    /// version that no view can see any more, now or in a later [`Index::collect`]. For a tombstone this says only that the
    /// index needs it no more; the entry in the log must stay as long as a segment may hold an older version of its key.
    pub(crate) fn apply(&self, changes: &[Change<'_>], horizon: View, dropped: &mut dyn FnMut(&Extent)) {
        self.raise_horizon(horizon);
        let mut ledger = Ledger::default();
        let order = in_key_order(changes, dropped);
        let mut garbage = self.writer();
        for space in [Space::Keys, Space::Hashes] {
            let of_space = order.iter().map(|&at| &changes[at]).filter(|change| change.space == space);
            self.ordered(space).push(of_space, &self.keys_of(space), &self.drops());
        }
        for change in order.iter().map(|&at| &changes[at]) {
            let before = self.place(change);
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
            ledger.replace(|| key_of(change), before, Some(change.version));
        }
        drop(garbage);
        let commit = changes.first().map_or(Sequence(0), |change| change.rank.0);
        self.accounts().settle(commit, ledger);
    }

    /// Makes a change's version the newest of its key; returns the one before, unless that is a tombstone.
    fn place(&self, change: &Change<'_>) -> Option<Version> {
        let Change { space, key, hash, version, rank } = *change;
        let crowded = self.crowds.change(hash, |crowd| crowd.set(space, key, version.address, rank));
        let before = match crowded {
            Some(before) => before.and_then(|before| self.version_at(before)),
            None => {
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
                match self.slots.set(hash, version.address, is_it, |address| self.hash_at(address)) {
                    Set::Replaced(_) => before,
                    Set::Inserted => None,
                    Set::Crowded => {
                        self.crowd(change);
                        None
                    }
                }
            }
        };
        before.filter(|before| !before.is_tombstone())
    }

    /// Moves every key of a hash that has become crowded, and the one that made it so, out of the slot table.
    pub(super) fn crowd(&self, change: &Change<'_>) {
        let Change { space, key, hash, version, rank } = *change;
        let mut held = Vec::new();
        self.slots.candidates(hash, |address| held.push(address));
        held.sort_unstable();
        held.dedup();
        held.retain(|address| self.hash_at(*address) == hash);
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

    /// Drops what no view at or above `horizon` can see; `dropped` is called for each version. The cost follows
    /// what became invisible since the last call, not the number of keys.
    pub(crate) fn collect(&self, horizon: View, dropped: &mut dyn FnMut(&Extent)) {
        let horizon = self.raise_horizon(horizon);
        self.reap(horizon.time);
        loop {
            let expired = self.accounts().take_expired(horizon.time, SLICE);
            if expired.is_empty() {
                break;
            }
            let mut garbage = self.writer();
            for (deadline, key) in expired {
                if let Some(version) = self.newest_until(deadline, &key) {
                    garbage.push_expired(version.born, deadline, key);
                }
            }
        }
        loop {
            let mut garbage = self.writer();
            let due = garbage.take(horizon, SLICE);
            if due.is_empty() {
                break;
            }
            for waste in &due {
                match waste {
                    Waste::Older(extent) => dropped(extent),
                    Waste::Tombstone { hash, extent } => {
                        self.forget(*hash, extent.address);
                        dropped(extent);
                    }
                    Waste::Expired { deadline, key } => {
                        // If it is not the newest any more, whatever came above it has queued it.
                        if let Some(version) = self.newest_until(*deadline, key) {
                            self.forget(key.hash, version.address);
                            dropped(&version.extent());
                        }
                    }
                }
            }
        }
    }

    /// The newest version of a key, if it has this deadline.
    fn newest_until(&self, deadline: Timestamp, key: &Key) -> Option<Version> {
        self.newest(key.space, &key.bytes, key.hash).filter(|version| version.deadline() == Some(deadline))
    }

    fn forget(&self, hash: u64, address: Address) -> bool {
        let crowded = self.crowds.change(hash, |crowd| {
            let shown = self.entries.show(address, |entry| crowd.remove(entry.space, entry.key, address));
            shown.unwrap_or_else(|| crowd.search_and_remove(address))
        });
        crowded.unwrap_or_else(|| self.slots.remove(hash, address))
    }

    /// Notes that compaction copied the entry at `from` to `to`, where it takes `bytes`. `false`, and nothing changed, if
    /// that version was dropped meanwhile, or never stood there: then nobody will say that the copy is not needed any more.
    pub(crate) fn relocate(
        &self,
        space: Space,
        key: &[u8],
        hash: u64,
        from: Address,
        (to, bytes): (Address, u64),
    ) -> bool {
        let mut garbage = self.writer();
        let is_newest = match self.crowds.read(hash, |crowd| crowd.find(space, key)) {
            Some(newest) => newest == Some(from),
            None => self.slots.find(hash, |address| address == from).is_some(),
        };
        let is_newest = is_newest && self.entries.show(to, |entry| entry.is(space, key)).unwrap_or(false);
        let is_tombstone = || self.entries.show(to, |entry| entry.kind == VersionKind::Tombstone);
        if !is_newest {
            // What was dropped may stand in the ordered index until a merge leaves it out.
            if !garbage.holds(from) {
                return false;
            }
            garbage.relocate(from, Extent { address: to, bytes });
        } else if is_tombstone().unwrap_or(false) {
            garbage.relocate(from, Extent { address: to, bytes });
        }
        // A merge may have left it out before it was dropped; then there is nothing to move.
        self.ordered(space).relocate(key, from, to);
        if is_newest {
            let crowded = self.crowds.change(hash, |crowd| crowd.replace(space, key, to));
            crowded.unwrap_or_else(|| self.slots.replace(hash, from, to));
        }
        true
    }

    /// Says that a compaction has relocated all that it will.
    pub(crate) fn moves_are_done(&self) {
        self.writer().moves_are_done();
    }

    /// The sizes of all versions that are held for older views alone: replaced, deleted or expired.
    pub(crate) fn held_bytes(&self) -> u64 {
        let replaced = self.writer().bytes();
        replaced + self.accounts().expired_bytes()
    }

    /// The sizes of the replaced and deleted ones that a horizon at this commit would free.
    pub(crate) fn held_bytes_until(&self, horizon: Sequence) -> u64 {
        self.writer().bytes_until(horizon)
    }

    /// The oldest commit that the horizon has to include before so many bytes of replaced versions are free; `None` when they
    /// are not that many.
    pub(crate) fn due_for(&self, bytes: u64) -> Option<Sequence> {
        self.writer().due_for(bytes)
    }

    /// How many keys are live at `now`, in both spaces together. Exact: every commit applied so far counts as a
    /// whole, and what has expired does not count, whether or not anyone touched it. Costs what has expired since
    /// the last call. Waits while the deadlines of a commit are entered.
    pub(crate) fn len(&self, now: Timestamp) -> u64 {
        let mut accounts = self.accounts();
        self.reap_in(&mut accounts, now);
        accounts.live()
    }

    /// Takes what has expired at `now` out of the count, and says how many keys that were. Costs what has expired.
    pub(crate) fn reap(&self, now: Timestamp) -> u64 {
        self.reap_in(&mut self.accounts(), now)
    }

    fn reap_in(&self, accounts: &mut Accounts, now: Timestamp) -> u64 {
        let reaped = accounts.reap(now);
        if reaped > 0 {
            self.told.store(accounts.told.end(), Ordering::Release);
        }
        reaped
    }

    /// Whether to remember from now on which keys expire.
    pub(crate) fn tell_expiries(&self, on: bool) {
        self.accounts().told.turn(on);
    }

    /// How many expiries were ever told.
    pub(crate) fn expiries_told(&self) -> u64 {
        self.told.load(Ordering::Acquire)
    }

    /// An expiry by its number.
    pub(crate) fn told_expiry(&self, number: u64) -> Result<Option<Expiry>, Forgotten> {
        self.accounts().told.get(number)
    }

    /// Merges runs of the ordered index, once; `true` if there may be more to do. Costs time in proportion to the runs, and
    /// holds nobody up. `idle` is for how long nothing was written; the longer, the more is worth merging.
    pub(crate) fn maintain(&self, idle: Duration) -> bool {
        let drops = self.drops();
        let keys = self.keys.maintain(&self.keys_of(Space::Keys), &drops, idle);
        keys | self.hashes.maintain(&self.keys_of(Space::Hashes), &drops, idle)
    }

    /// Takes everything out of the ordered index that no view can see. A compaction that removes what hides an older version,
    /// and not that version, calls it before it does so. Costs time in proportion to the index.
    pub(crate) fn leave_out_hidden(&self) {
        for space in [Space::Keys, Space::Hashes] {
            self.ordered(space).rewrite(&self.keys_of(space), &self.drops());
        }
    }

    /// An estimate of the memory that the index takes, in bytes.
    pub(crate) fn memory_bytes(&self) -> u64 {
        let garbage = self.writer().memory_bytes();
        let accounts = self.accounts().memory_bytes();
        let ordered = self.keys.memory_bytes() + self.hashes.memory_bytes();
        self.slots.memory_bytes() + self.crowds.memory_bytes() + ordered + garbage + accounts
    }

    /// The highest horizon that was given, sequence, tail and time each on its own. An answer at a view that is not at or
    /// above it, in each of them, may miss what has been dropped.
    pub(crate) fn horizon(&self) -> View {
        let [sequence, tail, time] = &self.horizon;
        View {
            sequence: Sequence(sequence.load(Ordering::Acquire)),
            tail: LogOffset(tail.load(Ordering::Acquire)),
            time: Timestamp(time.load(Ordering::Acquire)),
        }
    }

    /// The horizon to work with. One that was true once stays true, because views only get newer, so the caller may
    /// have lost a race with another one. It is raised before anything is dropped: see [`Self::horizon`].
    pub(super) fn raise_horizon(&self, horizon: View) -> View {
        let [sequence, tail, time] = &self.horizon;
        sequence.fetch_max(horizon.sequence.0, Ordering::AcqRel);
        tail.fetch_max(horizon.tail.0, Ordering::AcqRel);
        time.fetch_max(horizon.time.0, Ordering::AcqRel);
        self.horizon()
    }

    /// The keys of a space, as they stand in the log.
    pub(super) fn keys_of(&self, space: Space) -> SpaceKeys<'_, E> {
        SpaceKeys { entries: &self.entries, space }
    }

    /// What a merge of runs may leave out.
    fn drops(&self) -> Drops<'_, E> {
        Drops { entries: &self.entries, horizon: self.horizon() }
    }

    pub(super) fn ordered(&self, space: Space) -> &Ordered {
        match space {
            Space::Keys => &self.keys,
            Space::Hashes => &self.hashes,
        }
    }

    pub(super) fn ordered_mut(&mut self, space: Space) -> &mut Ordered {
        match space {
            Space::Keys => &mut self.keys,
            Space::Hashes => &mut self.hashes,
        }
    }

    /// The hash by which the entry at `address` is found; any number when its segment has gone.
    pub(super) fn hash_at(&self, address: Address) -> u64 {
        self.entries.show(address, |entry| entry.hash()).unwrap_or_default()
    }

    pub(super) fn version_at(&self, address: Address) -> Option<Version> {
        self.entries.show(address, |entry| Version::of(address, entry))
    }

    pub(super) fn settle(&self, commit: Sequence, ledger: Ledger) {
        self.accounts().settle(commit, ledger);
    }

    pub(super) fn writer(&self) -> MutexGuard<'_, Garbage> {
        self.writer.lock().expect(WHOLE)
    }

    fn accounts(&self) -> MutexGuard<'_, Accounts> {
        self.accounts.lock().expect(WHOLE)
    }
}

fn key_of(change: &Change<'_>) -> Key {
    Key { hash: change.hash, space: change.space, bytes: Arc::from(change.key) }
}

/// The places of the changes in key order, without those that a later one of the same key replaces.
fn in_key_order(changes: &[Change<'_>], dropped: &mut dyn FnMut(&Extent)) -> Vec<usize> {
    let piece = |change: &Change<'_>| {
        let mut piece = [0; 8];
        let length = change.key.len().min(8);
        piece[..length].copy_from_slice(&change.key[..length]);
        u64::from_be_bytes(piece)
    };
    let mut order: Vec<(u64, usize)> = changes.iter().map(piece).zip(0..).collect();
    order.sort_unstable_by(|(piece, at), (other_piece, other)| {
        let full = |at: usize| (changes[at].key, changes[at].space);
        piece.cmp(other_piece).then_with(|| full(*at).cmp(&full(*other))).then(at.cmp(other))
    });
    let same = |at: usize, other: usize| {
        (changes[at].space, changes[at].key) == (changes[other].space, changes[other].key)
    };
    let mut kept = Vec::with_capacity(order.len());
    for (place, &(_, at)) in order.iter().enumerate() {
        if order.get(place + 1).is_some_and(|&(_, next)| same(at, next)) {
            dropped(&changes[at].version.extent());
        } else {
            kept.push(at);
        }
    }
    kept
}
