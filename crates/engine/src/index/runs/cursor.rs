//! Reading runs in order: the versions of every key between two bounds, merged over all runs, in either direction.
//!
//! Invariant: a cursor shows the list that it began with: each key once, its versions side by side and newest first.
//! Which of them a view sees is the caller's business, and so is the key, which stands in the log. What is pushed
//! while it is open does not show. Relocations show as long as the runs are in the list; behind a merge a cursor
//! goes on with the addresses of its own time, and says that it is stale where these lead to nothing. A version whose key
//! cannot be read is shown with every key that it may have, in the place that it would have there.

use std::ops::{Bound, Range};
use std::sync::Arc;

use arc_swap::Guard;

use super::cell::Mark;
use super::contest::{Contest, Lost, Taken, Way};
use super::keys::{Keys, Missing};
use super::list::{List, Runs};
use super::seek::{Found, Reading};
use crate::address::Address;

/// The list has changed and what is needed has moved: open a new cursor behind the last key that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stale;

/// One version of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) address: Address,
    pub(crate) mark: Mark,
    /// Whether the row before it had the same key; then that one is the newer version.
    pub(crate) same_key_as_before: bool,
    /// Its key cannot be read, so that it may be a version of this key; then the mark says nothing.
    pub(crate) is_guess: bool,
    run: u32,
    record: usize,
}

/// What there is to say of a row whose address led to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Again {
    /// It has moved; the row says where it stands now.
    Moved,
    /// It is nowhere: nobody may see it any more. Leave it out.
    Dead,
    /// This cursor cannot know; open another one at this row's key or behind the last key that was read.
    Stale,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Cursor {
    list: Guard<Arc<List>>,
    way: Way,
    source: Source,
    /// Versions of the current key that were not given yet.
    versions: Vec<Taken>,
    /// How many of the ranges in `versions` were given in full.
    given: usize,
    is_new_key: bool,
}

/// Where keys come from.
#[derive(Debug)]
enum Source {
    /// From one run: the records left, and those of the current key that were not given yet.
    One {
        run: usize,
        left: Range<usize>,
        key: Range<usize>,
        is_first: bool,
    },
    Many(Contest),
}

impl Runs {
    /// Opens a cursor. Reads the log where bounds tie with the windows of records.
    pub(crate) fn cursor<K: Keys>(
        &self,
        keys: &K,
        lower: Bound<&[u8]>,
        upper: Bound<&[u8]>,
        way: Way,
    ) -> Cursor {
        loop {
            let list = self.list();
            let reading = Reading::new(keys);
            // Most lists have one run in the range: no list of ranges is made for that.
            let (mut first, mut ranges) = (None, Vec::new());
            for (number, run) in list.iter().enumerate() {
                let range = run.range(lower, upper, &reading);
                match (&first, range.is_empty()) {
                    (_, true) => {}
                    (None, false) => first = Some((number, range)),
                    (Some(_), false) => ranges.push((number, range)),
                }
            }
            if reading.met_gone() && !self.are_current(&list) {
                continue;
            }
            let source = match first {
                None => Source::one(0, 0..0),
                Some((run, range)) if ranges.is_empty() => Source::one(run, range),
                Some(first) => Source::Many(Contest::new(way, std::iter::once(first).chain(ranges))),
            };
            return Cursor { list, way, source, versions: Vec::new(), given: 0, is_new_key: true };
        }
    }

    /// All versions of a key, newest first, and those that may be, as they cannot be read.
    pub(crate) fn find<K: Keys>(&self, key: &[u8], keys: &K) -> Vec<(Address, Mark)> {
        loop {
            let list = self.list();
            let reading = Reading::new(keys);
            let mut found = Vec::new();
            for run in list.iter() {
                let (records, sure) = run.of_key(key, &reading);
                let records = records.filter(|record| sure == Found::Surely || run.is_damaged(*record, keys));
                let cells = records.map(|record| run.cell(record));
                found.extend(cells.map(|cell| (cell.address(), cell.mark())));
            }
            if !reading.met_gone() || self.are_current(&list) {
                return found;
            }
        }
    }
}

impl Source {
    fn one(run: usize, left: Range<usize>) -> Self {
        Self::One { run, left, key: 0..0, is_first: true }
    }
}

impl Cursor {
    /// The next version, `None` behind the last.
    ///
    /// # Errors
    ///
    /// [`Stale`], and again from then on, when the next key cannot be told because the runs that the cursor reads
    /// were merged and their records moved since.
    #[inline]
    pub(crate) fn next<K: Keys>(&mut self, runs: &Runs, keys: &K) -> Result<Option<Row>, Stale> {
        match &mut self.source {
            Source::One { run, left, key, is_first } => {
                let Some((record, is_new)) = next_of_one(&self.list, *run, left, key, self.way) else {
                    return Ok(None);
                };
                let same = !is_new && !*is_first;
                *is_first = false;
                Ok(Some(row(&self.list, *run, record, same, false)))
            }
            Source::Many(_) => self.next_of_many(runs, keys),
        }
    }

    fn next_of_many<K: Keys>(&mut self, runs: &Runs, keys: &K) -> Result<Option<Row>, Stale> {
        if self.given == self.versions.len() {
            self.versions.clear();
            self.given = 0;
            let Source::Many(contest) = &mut self.source else { return Ok(None) };
            while let Err(lost) = contest.next(&self.list, keys, &mut self.versions) {
                pass(contest, lost, &self.list, runs)?;
            }
            self.is_new_key = true;
        }
        let Some(Taken { run, records, is_guess }) = self.versions.get_mut(self.given) else {
            return Ok(None);
        };
        let row = row(&self.list, *run, records.start, !self.is_new_key, *is_guess);
        records.start += 1;
        if records.start == records.end {
            self.given += 1;
        }
        self.is_new_key = false;
        Ok(Some(row))
    }

    /// The addresses of the next `count` versions of the run that leads, for reading ahead; nothing is consumed.
    pub(crate) fn ahead(&self, count: usize) -> impl Iterator<Item = Address> {
        let (run, left) = self.leading();
        let (forward, backward) = match self.way {
            Way::Forward => (left.start..left.end.min(left.start + count), 0..0),
            Way::Backward => (0..0, left.start.max(left.end.saturating_sub(count))..left.end),
        };
        let run = self.list.get(run);
        let records = forward.chain(backward.rev());
        records.filter_map(move |record| Some(run?.cell(record).address()))
    }

    /// The address that the run that leads comes to in `distance` versions, the next one being at 0. A caller that
    /// touches this one per row has touched every row by the time it reads it.
    #[inline]
    pub(crate) fn at_distance(&self, distance: usize) -> Option<Address> {
        let (run, left) = self.leading();
        if distance >= left.len() {
            return None;
        }
        let record = match self.way {
            Way::Forward => left.start + distance,
            Way::Backward => left.end - 1 - distance,
        };
        Some(self.list[run].cell(record).address())
    }

    /// What became of a row of this cursor whose segment has gone. Brings its address up to date, so that asking and
    /// looking by turns comes to an end.
    pub(crate) fn again(&self, runs: &Runs, row: &mut Row) -> Again {
        let Some(run) = usize::try_from(row.run).ok().and_then(|run| self.list.get(run)) else {
            return Again::Stale;
        };
        let address = run.cell(row.record).address();
        if address != row.address {
            row.address = address;
            return Again::Moved;
        }
        if runs.is_current(run) { Again::Dead } else { Again::Stale }
    }

    #[inline]
    fn leading(&self) -> (usize, Range<usize>) {
        match &self.source {
            Source::One { run, left, .. } => (*run, left.clone()),
            Source::Many(contest) => contest.leading().unwrap_or((0, 0..0)),
        }
    }
}

/// The next record of a single run, and whether it is the first version of its key.
#[inline]
fn next_of_one(
    list: &List,
    run: usize,
    left: &mut Range<usize>,
    key: &mut Range<usize>,
    way: Way,
) -> Option<(usize, bool)> {
    if way == Way::Forward {
        let record = left.next()?;
        return Some((record, !list[run].cell(record).same_as_before()));
    }
    if let Some(record) = key.next() {
        return Some((record, false));
    }
    if left.start == left.end {
        return None;
    }
    *key = list[run].versions(left.end - 1, left);
    left.end = key.start;
    key.next().map(|record| (record, true))
}

#[inline]
fn row(list: &List, run: usize, record: usize, same_key_as_before: bool, is_guess: bool) -> Row {
    let cell = list[run].cell(record);
    Row {
        address: cell.address(),
        // A guess must not delete what may be another key.
        mark: if is_guess { Mark::Value } else { cell.mark() },
        same_key_as_before,
        is_guess,
        run: u32::try_from(run).expect("a list is short"),
        record,
    }
}

/// Passes over a record that cannot be compared, if it is known to be dead, or sets it aside if it is damaged.
fn pass(contest: &mut Contest, lost: Lost, list: &List, runs: &Runs) -> Result<(), Stale> {
    match lost.missing {
        Missing::Damaged => contest.set_aside(list, lost),
        Missing::Gone if !runs.is_current(&list[contest.run_of(lost)]) => return Err(Stale),
        Missing::Gone => contest.skip(list, lost),
    }
    Ok(())
}
