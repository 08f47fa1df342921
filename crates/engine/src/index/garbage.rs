//! The queue of versions that no view will see any more once the horizon has passed the commit that replaced them.
//!
//! Invariant: a version is queued once, when a newer one takes its place or, if it is a tombstone, when it comes; so what
//! the horizon frees is found by the horizon alone. What compaction moves meanwhile is found at its new place. All that a
//! horizon frees is taken by a collection at that horizon: nothing waits behind something else. As older sequences can be
//! read, much may wait here for long: a version takes 24 bytes.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};

use super::deadlines::Deadline;
use super::memory::{bytes_of, shrink_heap, table_bytes};
use super::version::{Born, Extent, View};
use crate::address::Address;
use crate::numbers::{LogOffset, Sequence};

/// What has waited long enough.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Waste {
    /// A version below a newer one: nothing points to it but the ordered index.
    Older(Extent),
    /// A version that was the newest of a key with this hash when it came, a tombstone.
    Tombstone { hash: u64, extent: Extent },
    /// The newest versions of keys with this hash that have this deadline, which has passed.
    Expired(Deadline),
}

/// Versions by the commit that they wait for, ascending.
#[derive(Debug, Default)]
pub(super) struct Garbage {
    older: Line<()>,
    /// With the hashes of their keys.
    tombstones: Line<u64>,
    /// Expired keys, which come in the order of their deadlines: by their version's place in the log, or by its commit where
    /// compaction has moved it.
    expired_at: BinaryHeap<Reverse<Lapse>>,
    expired_in: BinaryHeap<Reverse<Lapse>>,
    /// Where all that waits in the two lines stands. Made when compaction asks, and dropped when it is done.
    standing: Option<HashMap<Address, Spot>>,
    /// The sizes of all that waits in the two lines.
    bytes: u64,
}

/// A log offset or sequence, and the deadline of a key.
type Lapse = (u64, Deadline);

/// A place in one of the lines, counted from the first that ever stood in it.
#[derive(Clone, Copy, Debug)]
enum Spot {
    Older(u64),
    Tombstone(u64),
}

#[derive(Debug)]
struct Line<T> {
    waiting: VecDeque<(Sequence, Extent, T)>,
    /// How many have left it.
    left: u64,
}

impl<T> Default for Line<T> {
    fn default() -> Self {
        Self { waiting: VecDeque::new(), left: 0 }
    }
}

impl<T> Line<T> {
    /// Lets one in; returns its place.
    fn push(&mut self, due: Sequence, extent: Extent, more: T) -> u64 {
        debug_assert!(self.waiting.back().is_none_or(|(last, ..)| *last <= due), "commits come in order");
        self.waiting.push_back((due, extent, more));
        self.left + self.waiting.len() as u64 - 1
    }

    /// Takes the next ones whose commit the horizon includes.
    fn take(&mut self, horizon: Sequence, limit: usize) -> impl Iterator<Item = (Extent, T)> {
        let due = self.waiting.iter().take(limit).take_while(|(due, ..)| *due <= horizon).count();
        self.left += due as u64;
        self.waiting.drain(..due).map(|(_, extent, more)| (extent, more))
    }

    fn shrink(&mut self) {
        const SMALL: usize = 1024;
        if self.waiting.capacity() > SMALL && self.waiting.len() < self.waiting.capacity() / 4 {
            self.waiting.shrink_to(self.waiting.len() * 2);
        }
    }

    fn at(&mut self, place: u64) -> Option<&mut Extent> {
        let place = usize::try_from(place.checked_sub(self.left)?).ok()?;
        self.waiting.get_mut(place).map(|(_, extent, _)| extent)
    }

    fn places(&self) -> impl Iterator<Item = (Address, u64)> {
        self.waiting.iter().map(|(_, extent, _)| extent.address).zip(self.left..)
    }

    fn memory_bytes(&self) -> u64 {
        bytes_of(self.waiting.capacity(), size_of::<(Sequence, Extent, T)>())
    }
}

impl Garbage {
    /// Queues a version until every view in use includes the commit that replaced it; called in the order of commits.
    pub(super) fn push_older(&mut self, due: Sequence, extent: Extent) {
        let place = self.older.push(due, extent, ());
        self.came(extent, Spot::Older(place));
    }

    /// Queues a tombstone until every view in use includes its commit.
    pub(super) fn push_tombstone(&mut self, due: Sequence, hash: u64, extent: Extent) {
        let place = self.tombstones.push(due, extent, hash);
        self.came(extent, Spot::Tombstone(place));
    }

    fn came(&mut self, extent: Extent, spot: Spot) {
        self.bytes += extent.bytes;
        if let Some(standing) = &mut self.standing {
            standing.insert(extent.address, spot);
        }
    }

    /// Queues a key whose newest version, born then, has expired, until every view in use includes that version.
    pub(super) fn push_expired(&mut self, born: Born, deadline: Deadline) {
        match born {
            Born::At(offset) => self.expired_at.push(Reverse((offset.0, deadline))),
            Born::In(sequence) => self.expired_in.push(Reverse((sequence.0, deadline))),
        }
    }

    /// What a checkpoint holds of all that waits: the bytes in each slot of the segment table that will be dead when no view is
    /// left, and the tombstones that are in the slot table until then, by their hashes. Costs what waits.
    pub(super) fn image(&self) -> (HashMap<usize, u64>, Vec<(u64, Address)>) {
        let mut bytes = HashMap::new();
        let older = self.older.waiting.iter().map(|(_, extent, ())| extent);
        for extent in older.chain(self.tombstones.waiting.iter().map(|(_, extent, _)| extent)) {
            *bytes.entry(extent.address.slot()).or_insert(0) += extent.bytes;
        }
        let tombstones = self.tombstones.waiting.iter().map(|(_, extent, hash)| (*hash, extent.address));
        (bytes, tombstones.collect())
    }

    /// The deadlines of expired keys that wait.
    pub(super) fn expired(&self) -> impl Iterator<Item = Deadline> {
        self.expired_at.iter().chain(&self.expired_in).map(|Reverse((_, deadline))| *deadline)
    }

    /// Whether a version is queued that stands here.
    pub(super) fn holds(&mut self, address: Address) -> bool {
        self.standing().contains_key(&address)
    }

    /// Notes that a version which is queued stands elsewhere now.
    pub(super) fn relocate(&mut self, from: Address, to: Extent) {
        let Some(spot) = self.standing().remove(&from) else { return };
        let extent = match spot {
            Spot::Older(place) => self.older.at(place),
            Spot::Tombstone(place) => self.tombstones.at(place),
        };
        if let Some(extent) = extent {
            self.bytes = self.bytes - extent.bytes + to.bytes;
            *extent = to;
        }
        self.standing().insert(to.address, spot);
    }

    fn standing(&mut self) -> &mut HashMap<Address, Spot> {
        let Self { standing, older, tombstones, .. } = self;
        standing.get_or_insert_with(|| {
            let older = older.places().map(|(address, place)| (address, Spot::Older(place)));
            let tombstones = tombstones.places().map(|(address, place)| (address, Spot::Tombstone(place)));
            older.chain(tombstones).collect()
        })
    }

    /// Gives the memory back that it takes to tell where something waits.
    pub(super) fn moves_are_done(&mut self) {
        self.standing = None;
    }

    /// The next versions, `limit` of each sort at most, that wait for what every view at or above `horizon` includes.
    pub(super) fn take(&mut self, horizon: View, limit: usize) -> Vec<Waste> {
        let mut taken: Vec<Waste> =
            self.older.take(horizon.sequence, limit).map(|(extent, ())| Waste::Older(extent)).collect();
        let tombstones = self.tombstones.take(horizon.sequence, limit);
        taken.extend(tombstones.map(|(extent, hash)| Waste::Tombstone { hash, extent }));
        self.older.shrink();
        self.tombstones.shrink();
        for extent in taken.iter().filter_map(Waste::extent) {
            self.bytes -= extent.bytes;
            if let Some(standing) = &mut self.standing {
                standing.remove(&extent.address);
            }
        }
        let by_offset = |born: u64| horizon.includes(Born::At(LogOffset(born)));
        let by_sequence = |born: u64| horizon.includes(Born::In(Sequence(born)));
        take_lapsed(&mut self.expired_at, limit, by_offset, &mut taken);
        take_lapsed(&mut self.expired_in, limit, by_sequence, &mut taken);
        taken
    }

    /// The sizes of all versions that wait for a commit to be seen by all.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The sizes of those that a horizon of this sequence would free.
    pub(super) fn bytes_until(&self, horizon: Sequence) -> u64 {
        fn sum<T>(line: &Line<T>, horizon: Sequence) -> u64 {
            let due = line.waiting.iter().take_while(|(due, ..)| *due <= horizon);
            due.map(|(_, extent, _)| extent.bytes).sum()
        }
        sum(&self.older, horizon) + sum(&self.tombstones, horizon)
    }

    /// The oldest commit that every view has to include before so many bytes of replaced versions are free; `None` when they
    /// are not that many.
    pub(super) fn due_for(&self, bytes: u64) -> Option<Sequence> {
        let mut free = 0;
        let enough = self.older.waiting.iter().find(|(_, extent, ())| {
            free += extent.bytes;
            free >= bytes
        });
        enough.map(|(due, ..)| *due)
    }

    pub(super) fn memory_bytes(&self) -> u64 {
        self.older.memory_bytes()
            + self.tombstones.memory_bytes()
            + bytes_of(self.expired_at.capacity() + self.expired_in.capacity(), size_of::<Lapse>())
            + self
                .standing
                .as_ref()
                .map_or(0, |standing| table_bytes(standing.capacity(), size_of::<(Address, Spot)>()))
    }
}

impl Waste {
    /// Where the version stands, if it waited in a line.
    fn extent(&self) -> Option<&Extent> {
        match self {
            Self::Older(extent) | Self::Tombstone { extent, .. } => Some(extent),
            Self::Expired(_) => None,
        }
    }
}

/// Takes the keys whose versions are included.
fn take_lapsed(
    lapsed: &mut BinaryHeap<Reverse<Lapse>>,
    limit: usize,
    is_included: impl Fn(u64) -> bool,
    taken: &mut Vec<Waste>,
) {
    for _ in 0..limit {
        if !lapsed.peek().is_some_and(|Reverse((born, ..))| is_included(*born)) {
            break;
        }
        taken.extend(lapsed.pop().map(|Reverse((_, deadline))| Waste::Expired(deadline)));
    }
    shrink_heap(lapsed);
}
