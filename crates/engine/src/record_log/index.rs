//! What the log holds, as its readers see it: where each written record stands, the newest records themselves, the small ones.
//!
//! Invariants: records are numbered `floor..next` without a hole. Of those `floor..floor + positions.len()` the place is known.
//! Those from `next - recent.len()` on are in memory, among them every one whose place is not known. It costs 8 bytes for each
//! record, and the bytes of the recent ones.
//!
//! It is changed when a call is made, not when it is written, so places arrive late: a place is only taken in when its record was
//! neither purged nor truncated since, which [`Index::cuts`] tells of the truncations that are still to be written.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;

use crate::address::Address;
use crate::error::{Error, ErrorKind, Result};

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Index {
    pub(super) floor: u64,
    pub(super) next: u64,
    positions: VecDeque<Address>,
    recent: VecDeque<Bytes>,
    recent_bytes: u64,
    /// The truncations that are not written yet, each by the first number that is gone.
    cuts: VecDeque<u64>,
    /// How many truncations there were: who reads piece by piece starts anew when there was one in between.
    pub(super) truncations: u64,
    pub(super) small: BTreeMap<Bytes, Bytes>,
    /// Why nothing is taken any more.
    pub(super) refusal: Option<Error>,
}

impl Index {
    /// A log that holds the records from `floor` on, all of them written.
    pub(super) fn new(floor: u64, positions: VecDeque<Address>, small: BTreeMap<Bytes, Bytes>) -> Self {
        let next = floor + positions.len() as u64;
        Self { floor, next, positions, small, ..Self::default() }
    }

    /// Whether nothing was ever appended or purged, so that the first record may have any number.
    pub(super) fn is_fresh(&self) -> bool {
        self.floor == 0 && self.next == 0
    }

    /// Takes records that follow the last one.
    pub(super) fn append(&mut self, records: &[Bytes]) {
        self.recent_bytes += records.iter().map(memory_of).sum::<u64>();
        self.recent.extend(records.iter().cloned());
        self.next += records.len() as u64;
    }

    /// Forgets the records from `first` on; they are truncated with the next group.
    pub(super) fn truncate(&mut self, first: u64) {
        self.forget_recent_from(first);
        self.positions.truncate(count(first - self.floor));
        self.next = first;
        self.cuts.push_back(first);
        self.truncations += 1;
    }

    /// The oldest truncation that was waiting has been written.
    pub(super) fn truncated(&mut self) {
        self.cuts.pop_front();
    }

    /// Forgets the records before `floor`, which is behind the floor as it is.
    pub(super) fn purge(&mut self, floor: u64) {
        let gone = count((floor - self.floor).min(self.positions.len() as u64));
        self.positions.drain(..gone);
        self.floor = floor;
        if floor >= self.next {
            self.next = floor;
            self.positions.clear();
            self.recent.clear();
            self.recent_bytes = 0;
        }
        while self.recent_first() < floor {
            self.forget_oldest_recent();
        }
        trim(&mut self.positions);
        trim(&mut self.recent);
    }

    /// Notes where the records from `first` on stand, which have been written.
    pub(super) fn place(&mut self, first: u64, addresses: &[Address]) {
        // Truncations that wait were asked for after these records were: what they cut is another record by now.
        let end = self.cuts.iter().copied().min().unwrap_or(u64::MAX);
        for (number, &address) in (first..end).zip(addresses) {
            if number >= self.floor {
                debug_assert_eq!(self.placed_end(), number, "records are written in their order");
                self.positions.push_back(address);
            }
        }
    }

    /// Keeps at most so many bytes of recent records, and those that are not written yet.
    pub(super) fn keep_recent(&mut self, bytes: u64) {
        while self.recent_bytes > bytes && self.recent_first() < self.placed_end() {
            self.forget_oldest_recent();
        }
    }

    /// The record with this number, if it is in memory.
    pub(super) fn recent(&self, number: u64) -> Option<&Bytes> {
        self.recent.get(usize::try_from(number.checked_sub(self.recent_first())?).ok()?)
    }

    /// Where the record with this number stands, if it has been written.
    pub(super) fn position(&self, number: u64) -> Option<Address> {
        self.positions.get(usize::try_from(number.checked_sub(self.floor)?).ok()?).copied()
    }

    /// Refuses what cannot be taken any more.
    pub(super) fn check(&self) -> Result<()> {
        self.refusal.clone().map_or(Ok(()), Err)
    }

    /// Takes nothing any more, for the first reason that there was.
    pub(super) fn refuse(&mut self, error: &Error) {
        self.refusal.get_or_insert_with(|| error.clone());
    }

    /// Refuses a record that would leave a hole.
    pub(super) fn check_next(&self, first: u64) -> Result<()> {
        if first == self.next || self.is_fresh() {
            return Ok(());
        }
        let text = format!("record {first} cannot be appended: the log goes on with record {}", self.next);
        Err(Error::new(ErrorKind::InvalidInput, text))
    }

    /// Bytes of memory in use for places and recent records.
    pub(super) fn memory_bytes(&self) -> u64 {
        (self.positions.capacity() * size_of::<Address>()) as u64 + self.recent_bytes
    }

    /// Bytes of the records whose place is not known.
    pub(super) fn unwritten_bytes(&self) -> u64 {
        let written = usize::try_from(self.placed_end() - self.recent_first()).unwrap_or(usize::MAX);
        self.recent.iter().skip(written).map(|record| record.len() as u64).sum()
    }

    fn recent_first(&self) -> u64 {
        self.next - self.recent.len() as u64
    }

    fn placed_end(&self) -> u64 {
        self.floor + self.positions.len() as u64
    }

    fn forget_oldest_recent(&mut self) {
        if let Some(record) = self.recent.pop_front() {
            self.recent_bytes -= memory_of(&record);
        }
    }

    fn forget_recent_from(&mut self, first: u64) {
        let mut end = self.next;
        while end > first
            && let Some(record) = self.recent.pop_back()
        {
            self.recent_bytes -= memory_of(&record);
            end -= 1;
        }
    }
}

/// What a record takes while it is in memory: its bytes, the handle of them, and about what an allocation costs.
fn memory_of(record: &Bytes) -> u64 {
    record.len() as u64 + 64
}

/// Gives back memory that a longer log had needed.
fn trim<T>(deque: &mut VecDeque<T>) {
    const SPARE: usize = 1024;
    if deque.capacity() > 4 * deque.len() + SPARE {
        deque.shrink_to(2 * deque.len() + SPARE / 2);
    }
}

/// A number of records in memory.
fn count(records: u64) -> usize {
    usize::try_from(records).unwrap_or(usize::MAX)
}
