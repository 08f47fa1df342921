//! The index as a checkpoint holds it: taken at one moment while it is written on, and made into an index again at open.
//!
//! Invariant: an image is of a moment at which no commit is half applied; whoever calls [`Index::freeze`] sees to that. What
//! views still saw at that moment is left out, or leads to nothing, when it is read back: at open nobody has a view.

use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::Arc;

use super::accounts::Accounts;
use super::crowds::Crowd;
use super::deadlines::{Deadline, Deadlines};
use super::entries::{Entries, Rank};
use super::facade::Index;
use super::ordered::Ordered;
use super::runs::{List, Run};
use super::slots::{Groups, SlotImage, SlotTable};
use super::version::Extent;
use crate::address::Address;
use crate::numbers::Sequence;
use crate::seams::Slab;

/// What an index was at one moment, but for the pages of its slot table, which are kept until [`Index::thaw`].
#[derive(Debug)]
pub(crate) struct IndexImage {
    slots: SlotImage,
    /// The runs of each space, newest first.
    pub(crate) keys: Arc<List>,
    pub(crate) hashes: Arc<List>,
    pub(crate) system: Arc<List>,
    pub(crate) named: Arc<List>,
    pub(crate) named_hashes: Arc<List>,
    /// Live keys, those included that have expired and were not forgotten.
    pub(crate) live: u64,
    /// Deadlines and hashes, ascending.
    pub(crate) deadlines: Vec<[u64; 2]>,
    /// The same of namespaces: first how many live keys they have, and 0.
    pub(crate) named_deadlines: Vec<[u64; 2]>,
    /// The keys of crowded hashes.
    pub(crate) crowds: Vec<Crowded>,
    /// Hashes and addresses of tombstones that only views of that moment needed.
    pub(crate) tombstones: Vec<(u64, Address)>,
    /// Of the bytes that count as live in each slot of the segment table, how many only views of that moment needed.
    pub(crate) waiting_bytes: HashMap<usize, u64>,
}

/// The newest entry of a key whose hash is crowded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Crowded {
    pub(crate) hash: u64,
    pub(crate) address: Address,
    pub(crate) rank: Rank,
}

/// The pages of a slot table in a checkpoint.
pub(crate) trait SlotGroups: Debug + Send + Sync {
    /// The bytes of a group of pages, which were verified; none when there is no such group.
    fn group(&self, number: u64) -> &[u8];
}

#[derive(Debug)]
struct Held(Arc<dyn SlotGroups>);

impl Groups for Held {
    fn group(&self, number: u64) -> &[u8] {
        self.0.group(number)
    }
}

/// What is read back of a checkpoint.
#[derive(Debug)]
pub(crate) struct IndexParts {
    /// The state of the slot table, and how many entries it has.
    pub(crate) slots: (u64, u64),
    pub(crate) groups: Arc<dyn SlotGroups>,
    /// The runs of each space, newest first.
    pub(crate) keys: Vec<Run>,
    pub(crate) hashes: Vec<Run>,
    pub(crate) system: Vec<Run>,
    pub(crate) named: Vec<Run>,
    pub(crate) named_hashes: Vec<Run>,
    pub(crate) live: u64,
    /// Pairs of a deadline and a hash, ascending.
    pub(crate) deadlines: Slab<u64>,
    /// The same of namespaces, and how many live keys they have.
    pub(crate) named_live: u64,
    pub(crate) named_deadlines: Slab<u64>,
    pub(crate) crowds: Vec<Crowded>,
    pub(crate) tombstones: Vec<(u64, Address)>,
}

impl IndexImage {
    /// The state of the slot table, and how many entries it has.
    pub(crate) fn slots(&self) -> (u64, u64) {
        (self.slots.state, self.slots.len)
    }

    /// How many groups of pages the slot table has.
    pub(crate) fn groups(&self) -> u64 {
        self.slots.groups().unwrap_or(0)
    }
}

/// How many groups of pages a slot table in this state has; `None` when there can be none.
pub(crate) fn groups_of(slots: (u64, u64)) -> Option<u64> {
    SlotImage { state: slots.0, len: slots.1 }.groups()
}

impl<E: Entries> Index<E> {
    /// Takes what a checkpoint holds, and keeps the slot table as it is until [`Index::thaw`]. To be called while no commit
    /// is being applied and nothing is relocated; one at a time. Costs what ends and what waits to be dropped.
    pub(crate) fn freeze(&self) -> IndexImage {
        let garbage = self.writer();
        let (waiting_bytes, tombstones) = garbage.image();
        let (live, deadlines) = self.accounts().image(garbage.expired());
        let pair = |deadline: Deadline| [deadline.at.0, deadline.hash];
        // What waits in the queue is counted above, of whichever keyspace it is: it goes as it came.
        let (named_live, named) = self.named_accounts().image(std::iter::empty());
        let named =
            (named_live > 0).then_some([named_live, 0]).into_iter().chain(named.into_iter().map(pair));
        IndexImage {
            slots: self.slots.freeze(),
            keys: self.keys.runs(),
            hashes: self.hashes.runs(),
            system: self.system.runs(),
            named: self.named.runs(),
            named_hashes: self.named_hashes.runs(),
            live,
            deadlines: deadlines.into_iter().map(pair).collect(),
            named_deadlines: named.collect(),
            crowds: self.crowds.all(),
            tombstones,
            waiting_bytes,
        }
    }

    /// Writes the next group of pages of the kept slot table behind what is in `out`: each once, in order.
    pub(crate) fn take_group(&self, group: u64, out: &mut Vec<u8>) {
        let _writer = self.writer();
        self.slots.take_group(group, out);
    }

    /// Keeps nothing any more.
    pub(crate) fn thaw(&self) {
        let _writer = self.writer();
        self.slots.thaw();
    }

    /// The index that a checkpoint holds; `None` when it cannot be one. Costs nothing for keys, but for those of crowded hashes.
    pub(crate) fn of_parts(secret: u64, entries: E, parts: IndexParts) -> Option<Self> {
        let IndexParts { slots, groups, live, deadlines, named_live, named_deadlines, crowds, .. } = parts;
        let image = SlotImage { state: slots.0, len: slots.1 };
        let ending = u64::try_from(deadlines.len() / 2).ok()?;
        let named_ending = u64::try_from(named_deadlines.len() / 2).ok()?;
        let are_pairs = deadlines.len().is_multiple_of(2) && named_deadlines.len().is_multiple_of(2);
        if live < ending || named_live < named_ending || !are_pairs {
            return None;
        }
        let accounts = Accounts::load(live, Deadlines::load(deadlines));
        let named_accounts = Accounts::load(named_live, Deadlines::load(named_deadlines));
        let mut index = Self::with_accounts(secret, entries, accounts, named_accounts);
        index.slots = SlotTable::of_image(secret, image, Arc::new(Held(groups)))?;
        index.keys = Ordered::of_runs(parts.keys);
        index.hashes = Ordered::of_runs(parts.hashes);
        index.system = Ordered::of_runs(parts.system);
        index.named = Ordered::of_runs(parts.named);
        index.named_hashes = Ordered::of_runs(parts.named_hashes);
        let mut by_hash: HashMap<u64, Crowd> = HashMap::new();
        for Crowded { hash, address, rank } in crowds {
            let crowd = by_hash.entry(hash).or_default();
            let is_set = index.entries.show(address, |entry| {
                if !entry.is_damaged {
                    crowd.set(entry.space, entry.key, address, rank);
                }
                !entry.is_damaged
            });
            if is_set != Some(true) {
                return None;
            }
        }
        by_hash.into_iter().for_each(|(hash, crowd)| index.crowds.list(hash, crowd));
        let mut garbage = index.writer();
        for (hash, address) in parts.tombstones {
            // Its bytes are not counted as live any more.
            garbage.push_tombstone(Sequence(0), hash, Extent { address, bytes: 0 });
        }
        drop(garbage);
        Some(index)
    }
}
