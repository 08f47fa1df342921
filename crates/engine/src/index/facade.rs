//! The index as the store sees it: its state, and what changes it but for commits, which are in `apply.rs`. Reads are in
//! `lookup.rs`.
//!
//! Invariants: a mutation holds `writer` and updates the ordered index before the slot table; the horizon never moves
//! back. See the module for the order of the locks.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;

use super::accounts::{Accounts, Ledgers};
use super::crowds::Crowds;
use super::deadlines::Deadline;
use super::drops::Drops;
use super::entries::{Entries, SpaceKeys};
use super::garbage::{Garbage, Waste};
use super::key::Space;
use super::ordered::Ordered;
use super::slots::SlotTable;
use super::told::{Expiry, Forgotten};
use super::version::{Extent, Version, VersionKind, View};
use crate::address::Address;
use crate::numbers::{LogOffset, Sequence, Timestamp};
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
    /// Every version that is held, by key, for each of the spaces.
    pub(super) keys: Ordered,
    pub(super) hashes: Ordered,
    pub(super) system: Ordered,
    pub(super) named: Ordered,
    pub(super) named_hashes: Ordered,
    /// Held by whoever changes the parts, so that they change in the same order.
    writer: Mutex<Garbage>,
    /// Of the store's own keyspace, and of all namespaces together. One is taken at a time.
    accounts: Mutex<Accounts>,
    named_accounts: Mutex<Accounts>,
    /// How many expiries the accounts have told of.
    told: AtomicU64,
    /// The highest horizon given; sequence, tail and time, each on its own.
    horizon: [AtomicU64; 3],
}

impl<E: Entries> Index<E> {
    /// An empty index; a store gets its own from [`Index::rebuild`]. `secret` is a random number of the store's own; who knows it can make lookups slow.
    pub(crate) fn new(secret: u64, entries: E) -> Self {
        Self::with_accounts(secret, entries, Accounts::default(), Accounts::default())
    }

    /// An index that is empty but for its accounts.
    pub(super) fn with_accounts(
        secret: u64,
        entries: E,
        accounts: Accounts,
        named_accounts: Accounts,
    ) -> Self {
        Self {
            entries,
            slots: SlotTable::new(secret),
            crowds: Crowds::default(),
            keys: Ordered::default(),
            hashes: Ordered::default(),
            system: Ordered::default(),
            named: Ordered::default(),
            named_hashes: Ordered::default(),
            writer: Mutex::default(),
            accounts: Mutex::new(accounts),
            named_accounts: Mutex::new(named_accounts),
            told: AtomicU64::new(0),
            horizon: Default::default(),
        }
    }

    /// Drops what no view at or above `horizon` can see; `dropped` is called for each version. The cost follows
    /// what became invisible since the last call, not the number of keys.
    pub(crate) fn collect(&self, horizon: View, dropped: &mut dyn FnMut(&Extent)) {
        let horizon = self.raise_horizon(horizon);
        self.reap(horizon.time);
        loop {
            let mut expired = self.accounts().take_expired(horizon.time, SLICE);
            expired.extend(self.named_accounts().take_expired(horizon.time, SLICE));
            if expired.is_empty() {
                break;
            }
            let mut garbage = self.writer();
            for deadline in expired {
                for version in self.newest_until(deadline) {
                    garbage.push_expired(version.born, deadline);
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
                    Waste::Expired(deadline) => {
                        // If it is not the newest any more, whatever came above it has queued it. Of several keys with one
                        // hash and deadline each has been queued for itself.
                        let due = self.newest_until(*deadline).into_iter();
                        for version in due.filter(|version| horizon.includes(version.born)) {
                            self.forget(deadline.hash, version.address);
                            dropped(&version.extent());
                        }
                    }
                }
            }
        }
    }

    /// The newest versions of the keys with a hash that have this deadline, mostly one or none.
    fn newest_until(&self, deadline: Deadline) -> Vec<Version> {
        let Deadline { at, hash } = deadline;
        let mut held = Vec::new();
        let crowded =
            self.crowds.read(hash, |crowd| held.extend(crowd.by_rank().map(|(_, address)| address)));
        if crowded.is_none() {
            self.slots.candidates(hash, |address| held.push(address));
        }
        let newest = |address: Address| {
            let shown = self.entries.show(address, |entry| {
                let is_it = !entry.is_damaged && entry.hash() == hash;
                is_it.then(|| Version::of(address, entry))
            });
            shown.flatten().filter(|version| version.deadline() == Some(at))
        };
        held.into_iter().filter_map(newest).collect()
    }

    pub(super) fn forget(&self, hash: u64, address: Address) -> bool {
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
        let is_newest = self.is_newest(space, key, hash, from);
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
        replaced + self.accounts().expired_bytes() + self.named_accounts().expired_bytes()
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

    /// How many keys of the store's own keyspace are live at `now`, hash-only ones included. Exact: every commit applied so far counts as a
    /// whole, and what has expired does not count, whether or not anyone touched it. Costs what has expired since
    /// the last call. Waits while the deadlines of a commit are entered.
    pub(crate) fn len(&self, now: Timestamp) -> u64 {
        loop {
            self.reap(now);
            let accounts = self.accounts();
            // A commit may have come since.
            if !accounts.is_due(now) {
                return accounts.live();
            }
        }
    }

    /// How many keys all namespaces have together, some of which may have expired.
    pub(crate) fn named_len(&self) -> u64 {
        self.named_accounts().live()
    }

    /// Takes what has expired at `now` out of the count, and says how many keys that were. Costs what has expired.
    pub(crate) fn reap(&self, now: Timestamp) -> u64 {
        if !self.accounts().is_due(now) && !self.named_accounts().is_due(now) {
            return 0;
        }
        // Held so that expiries are told in order, and before anything is put again under their keys.
        let _writer = self.writer();
        let (own, tells) = {
            let mut accounts = self.accounts();
            (accounts.reap(now), accounts.told.is_on())
        };
        let named = self.named_accounts().reap(now);
        let named_from = own.len();
        let reaped: Vec<Deadline> = own.into_iter().chain(named).collect();
        let mut told = Vec::new();
        let mut sized = Vec::with_capacity(reaped.len());
        let mut last = None;
        for deadline in &reaped {
            let newest = self.newest_until(*deadline);
            sized.push((*deadline, newest.iter().map(|version| version.bytes).max().unwrap_or(0)));
            // Of several keys with one hash and deadline all are found at once.
            if tells && last.replace(*deadline) != Some(*deadline) {
                for version in newest {
                    let key = self.entries.show(version.address, |entry| {
                        let is_told = matches!(entry.space, Space::Keys | Space::Named);
                        is_told.then(|| (entry.space, Bytes::copy_from_slice(entry.key)))
                    });
                    told.extend(key.flatten().map(|key| (key, *deadline)));
                }
            }
        }
        let of_named = sized.split_off(named_from);
        let mut accounts = self.named_accounts();
        of_named.into_iter().for_each(|(deadline, bytes)| accounts.lapse(deadline, bytes));
        drop(accounts);
        let mut accounts = self.accounts();
        sized.into_iter().for_each(|(deadline, bytes)| accounts.lapse(deadline, bytes));
        told.into_iter().for_each(|(key, deadline)| accounts.tell(key, deadline));
        self.told.store(accounts.told.end(), Ordering::Release);
        u64::try_from(reaped.len()).expect("lengths are at most 64 bits")
    }

    /// The first deadline after `now` in any keyspace, which may be that of a version that has gone. Costs what has expired.
    pub(crate) fn next_deadline(&self, now: Timestamp) -> Option<Timestamp> {
        self.reap(now);
        let own = self.accounts().next_deadline();
        own.into_iter().chain(self.named_accounts().next_deadline()).min()
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
        let maintain = |space| self.ordered(space).maintain(&self.keys_of(space), &drops, idle);
        Space::ALL.map(maintain).contains(&true)
    }

    /// Takes everything out of the ordered index that no view can see. A compaction that removes what hides an older version,
    /// and not that version, calls it before it does so. Costs time in proportion to the index.
    pub(crate) fn leave_out_hidden(&self) {
        for space in Space::ALL {
            self.ordered(space).rewrite(&self.keys_of(space), &self.drops());
        }
    }

    /// An estimate of the memory that the index takes, in bytes.
    pub(crate) fn memory_bytes(&self) -> u64 {
        let garbage = self.writer().memory_bytes();
        let accounts = self.accounts().memory_bytes() + self.named_accounts().memory_bytes();
        let ordered = Space::ALL.iter().map(|space| self.ordered(*space).memory_bytes()).sum::<u64>();
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
    pub(super) fn drops(&self) -> Drops<'_, E> {
        Drops { entries: &self.entries, horizon: self.horizon() }
    }

    pub(super) fn ordered(&self, space: Space) -> &Ordered {
        match space {
            Space::Keys => &self.keys,
            Space::Hashes => &self.hashes,
            Space::System => &self.system,
            Space::Named => &self.named,
            Space::NamedHashes => &self.named_hashes,
        }
    }

    pub(super) fn ordered_mut(&mut self, space: Space) -> &mut Ordered {
        match space {
            Space::Keys => &mut self.keys,
            Space::Hashes => &mut self.hashes,
            Space::System => &mut self.system,
            Space::Named => &mut self.named,
            Space::NamedHashes => &mut self.named_hashes,
        }
    }

    /// The hash by which the entry at `address` is found: any number when its segment has gone, none when it is damaged.
    pub(super) fn hash_at(&self, address: Address) -> Option<u64> {
        let shown = self.entries.show(address, |entry| (!entry.is_damaged).then(|| entry.hash()));
        shown.unwrap_or(Some(0))
    }

    pub(super) fn version_at(&self, address: Address) -> Option<Version> {
        self.entries.show(address, |entry| Version::of(address, entry))
    }

    pub(super) fn settle(&self, commit: Sequence, ledgers: Ledgers) {
        // First what nobody looks at in between: what expires is told behind the commits that are settled here.
        self.named_accounts().settle(commit, ledgers.named);
        self.accounts().settle(commit, ledgers.own);
    }

    pub(super) fn named_accounts(&self) -> MutexGuard<'_, Accounts> {
        self.named_accounts.lock().expect(WHOLE)
    }

    pub(super) fn writer(&self) -> MutexGuard<'_, Garbage> {
        self.writer.lock().expect(WHOLE)
    }

    pub(super) fn accounts(&self) -> MutexGuard<'_, Accounts> {
        self.accounts.lock().expect(WHOLE)
    }
}
