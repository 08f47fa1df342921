//! Where a key stands in a run.
//!
//! Invariant: the key of every record before the place that [`Run::seek`] gives is below the key sought, that of
//! every other is not; a record whose segment has gone counts for either, and so does one that is damaged: which these
//! are, [`Run::doubtful`] says. The log is read where windows tie, and
//! for blocks whose fences are cut. [`Reading`] remembers whether anything that was needed had gone or
//! was damaged.

use std::cell::Cell as Noted;
use std::cmp::Ordering;
use std::ops::{Bound, Range};

use super::keys::{Keys, Missing};
use super::run::{BLOCK, Run};
use super::window::Window;

/// The log as one reader reads it.
pub(super) struct Reading<'k, K> {
    pub(super) keys: &'k K,
    /// Whether a key was asked for whose segment had gone.
    gone: Noted<bool>,
    /// Whether one was asked for that cannot be read.
    damaged: Noted<bool>,
}

impl<'k, K: Keys> Reading<'k, K> {
    pub(super) fn new(keys: &'k K) -> Self {
        Self { keys, gone: Noted::new(false), damaged: Noted::new(false) }
    }

    /// Whether a key asked for had gone since the last call.
    pub(super) fn met_gone(&self) -> bool {
        self.gone.replace(false)
    }

    fn key<R>(&self, run: &Run, record: usize, read: impl FnOnce(&[u8]) -> R) -> Option<R> {
        let answer = run.key(record, self.keys, read);
        match answer {
            Ok(answer) => return Some(answer),
            Err(Missing::Gone) => self.gone.set(true),
            Err(Missing::Damaged) => self.damaged.set(true),
        }
        None
    }
}

/// How sure it is that records have a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// They have it.
    Surely,
    /// Those that are damaged may have it.
    Perhaps,
}

/// Where a key stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The first record that is not below the key; the length of the run if there is none.
    pub(super) record: usize,
    /// Whether that record has the key.
    pub(super) is_found: bool,
}

impl Run {
    /// See the module.
    pub(super) fn seek<K: Keys>(&self, key: &[u8], reading: &Reading<'_, K>) -> Place {
        let Some(rest) = key.strip_prefix(&*self.prefix) else {
            let record = if key < &*self.prefix { 0 } else { self.len() };
            return Place { record, is_found: false };
        };
        let Some(block) = self.blocks_below(key, rest, reading).checked_sub(1) else {
            return self.settle(0, key, rest, reading);
        };
        let (place, is_sure) = self.first_in_block(block, key, rest, reading);
        if is_sure { place } else { self.settle(place.record, key, rest, reading) }
    }

    /// The records from the place of a key that was not found on that may have it for all that can be read.
    #[cold]
    pub(super) fn doubtful<K: Keys>(
        &self,
        from: usize,
        key: &[u8],
        reading: &Reading<'_, K>,
    ) -> Range<usize> {
        let mut end = from;
        let Some(rest) = key.strip_prefix(&*self.prefix) else { return from..end };
        for record in from..self.len() {
            match self.compare(record, key, rest, reading) {
                None => end = record + 1,
                Some(Ordering::Less) => {}
                Some(Ordering::Equal | Ordering::Greater) => break,
            }
        }
        from..end
    }

    /// The records that have a key, or that may have it as they cannot be read; which of the two.
    pub(super) fn of_key<K: Keys>(&self, key: &[u8], reading: &Reading<'_, K>) -> (Range<usize>, Found) {
        reading.damaged.set(false);
        let Place { record, is_found } = self.seek(key, reading);
        if is_found {
            (self.versions(record, &(record..self.len())), Found::Surely)
        } else if reading.damaged.get() {
            (self.doubtful(record, key, reading), Found::Perhaps)
        } else {
            (record..record, Found::Surely)
        }
    }

    /// Whether the key of a record cannot be told although the record is there.
    pub(super) fn is_damaged(&self, record: usize, keys: &impl Keys) -> bool {
        self.key(record, keys, |_| ()) == Err(Missing::Damaged)
    }

    /// The records between two bounds, and those next to the bounds that may lie between as they cannot be read.
    pub(super) fn range<K: Keys>(
        &self,
        lower: Bound<&[u8]>,
        upper: Bound<&[u8]>,
        reading: &Reading<'_, K>,
    ) -> Range<usize> {
        let start = match lower {
            Bound::Unbounded => 0,
            Bound::Included(key) => self.seek(key, reading).record,
            Bound::Excluded(key) => {
                let Place { record, is_found } = self.seek(key, reading);
                if is_found { self.versions(record, &(record..self.len())).end } else { record }
            }
        };
        let end = match upper {
            Bound::Unbounded => self.len(),
            Bound::Included(key) => self.of_key(key, reading).0.end,
            Bound::Excluded(key) => match self.of_key(key, reading) {
                (records, Found::Surely) => records.start,
                (records, Found::Perhaps) => records.end,
            },
        };
        start..end.max(start)
    }

    /// How many blocks lie wholly or in part below the key; all of them but the last do so wholly.
    fn blocks_below<K: Keys>(&self, key: &[u8], rest: &[u8], reading: &Reading<'_, K>) -> usize {
        let below = self.fences_below(rest);
        if below > 0 && self.blocks[below - 1].is_cut() {
            return partition(0..below, |block| self.is_below(block, below, key, rest, reading));
        }
        below
    }

    /// How many fences are below what the key has behind the run's prefix.
    pub(super) fn fences_below(&self, rest: &[u8]) -> usize {
        let piece = Window::of(rest).piece;
        let sampled = self.samples.partition_point(|sample| *sample < piece);
        let from = sampled.saturating_sub(1) * BLOCK;
        let to = (sampled * BLOCK).min(self.fences.len());
        let start = from + self.fences[from..to].partition_point(|fence| *fence < piece);
        if self.fences.get(start) != Some(&piece) {
            return start;
        }
        let ties = self.fences[start..].partition_point(|fence| *fence == piece);
        partition(start..start + ties, |block| self.fence(block) < rest)
    }

    /// Whether a block starts below the key, its fence taken for its first key unless it is cut. `end` blocks are in
    /// question.
    fn is_below<K: Keys>(
        &self,
        block: usize,
        end: usize,
        key: &[u8],
        rest: &[u8],
        reading: &Reading<'_, K>,
    ) -> bool {
        if !self.blocks[block].is_cut() {
            return self.fence(block) < rest;
        }
        // Where the first record cannot be read, the next that can be speaks for it. Where there is none, these are
        // all dead, and whether the key is sought before or behind them is all the same.
        let mut records = block * BLOCK..(end * BLOCK).min(self.len());
        records.find_map(|record| reading.key(self, record, |first| first < key)).unwrap_or(false)
    }

    /// The first record of a block that is not below the key, or the end of the block; and whether it is sure that no
    /// record behind that has the key, as the next block may start with it.
    fn first_in_block<K: Keys>(
        &self,
        block: usize,
        key: &[u8],
        rest: &[u8],
        reading: &Reading<'_, K>,
    ) -> (Place, bool) {
        let Range { start, end } = self.records(block);
        let stem = self.stem_of_block(block);
        let Some(rest) = rest.strip_prefix(stem) else {
            let record = if rest < stem { start } else { end };
            return (Place { record, is_found: false }, record < end);
        };
        let window = Window::of(rest);
        // Counting loads all lines of the block at once, where halving would wait for one after the other.
        let below = |piece: &u64| usize::from(*piece < window.piece);
        let first = start + self.pieces[start..end].iter().map(below).sum::<usize>();
        let ties = self.pieces[first..end].iter().take_while(|piece| **piece == window.piece).count();
        let ties = first..first + ties;
        let from = partition(ties.clone(), |record| self.window(record) < window);
        if window.is_whole() || from == ties.end {
            let is_found = from < ties.end && self.window(from) == window;
            return (Place { record: from, is_found }, from < end);
        }
        let (place, is_sure) = self.first_of_ties(from..ties.end, key, reading);
        (place, is_sure && place.record < end)
    }

    /// The first of some records, their keys read, that is not below the key, the end if all are; and whether the log
    /// could tell.
    fn first_of_ties<K: Keys>(
        &self,
        ties: Range<usize>,
        key: &[u8],
        reading: &Reading<'_, K>,
    ) -> (Place, bool) {
        let mut equal = None;
        let mut all_gone_from = ties.end;
        let record = partition(ties.clone(), |tie| {
            // As for blocks: the next record that can be read speaks for one that cannot.
            let mut records = tie..ties.end;
            let read = |record| Some((record, reading.key(self, record, |this| this.cmp(key))?));
            let Some((record, order)) = records.find_map(read) else {
                all_gone_from = tie;
                return false;
            };
            if order == Ordering::Equal {
                equal = Some(record);
            }
            order == Ordering::Less
        });
        // Of equal records the one found last is the first in order, as all that lie behind it were ruled out.
        match equal {
            Some(record) => (Place { record, is_found: true }, true),
            None => (Place { record, is_found: false }, record == ties.end || record < all_gone_from),
        }
    }

    /// Finds out whether the first record not below the key has it. Records that have gone are passed over where
    /// the windows leave the answer open.
    fn settle<K: Keys>(&self, record: usize, key: &[u8], rest: &[u8], reading: &Reading<'_, K>) -> Place {
        let mut record = record;
        for candidate in record..self.len() {
            match self.compare(candidate, key, rest, reading) {
                Some(Ordering::Equal) => return Place { record: candidate, is_found: true },
                // The place is too early where records that have gone could not say so.
                Some(Ordering::Less) => record = candidate + 1,
                Some(Ordering::Greater) => break,
                None => {}
            }
        }
        Place { record, is_found: false }
    }

    /// A record's key against a key that has the run's prefix; `None` if only the log knows and the segment has gone.
    fn compare<K: Keys>(
        &self,
        record: usize,
        key: &[u8],
        rest: &[u8],
        reading: &Reading<'_, K>,
    ) -> Option<Ordering> {
        let stem = self.stem_of_block(record / BLOCK);
        let Some(rest) = rest.strip_prefix(stem) else {
            return Some(stem.cmp(rest));
        };
        let (ours, sought) = (self.window(record), Window::of(rest));
        match ours.cmp(&sought) {
            Ordering::Equal if !ours.is_whole() => reading.key(self, record, |this| this.cmp(key)),
            order => Some(order),
        }
    }
}

/// The first of `range` for which `is_below` is false; it is true for those before.
fn partition(range: Range<usize>, mut is_below: impl FnMut(usize) -> bool) -> usize {
    let Range { mut start, mut end } = range;
    while start < end {
        let middle = start + (end - start) / 2;
        if is_below(middle) {
            start = middle + 1;
        } else {
            end = middle;
        }
    }
    start
}
