//! Which key comes next in several runs, in either direction: what merging and reading have in common.
//!
//! Invariant: every lane stands at the next key of its run; `queue` has the lanes in the order of these keys, the next
//! one last, lanes with one key in the order of their runs, the newest last. A lane that has moved on is put back where
//! it belongs, which takes a step or two where runs differ in size. Heads are compared by windows at a common place,
//! one that all blocks in question share; on a tie by all that the two blocks know, and last by reading the log.
//!
//! A head that only the log could place, and that is damaged there, is set aside, if the caller wants to go on: from then on
//! it is given with every key that it may have, and last alone, because it may be of one that has no other version.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::ops::Range;

use super::keys::{Keys, Missing};
use super::run::{BLOCK, Run};
use super::window::{Lens, Window};

/// From which end keys are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Ascending.
    Forward,
    /// Descending; versions of one key still newest first.
    Backward,
}

/// Ties at one place, from which on a new block is taken as an opportunity for a better one.
const TIES_MAX: usize = 16;

/// How far ahead of a key that had to be read others are touched, and how near the next one must follow for that.
const AHEAD: usize = 12;

/// Only the log knows how the record at the head of this lane compares, and there it cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lost {
    lane: usize,
    pub(super) missing: Missing,
}

/// Versions that one run has of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Taken {
    pub(super) run: usize,
    pub(super) records: Range<usize>,
    /// They cannot be read, and may be of this key.
    pub(super) is_guess: bool,
}

/// Versions of a key that cannot be read, and that only the log could place.
#[derive(Debug)]
struct Aside {
    lane: usize,
    records: Range<usize>,
}

/// One run in the contest.
#[derive(Debug)]
struct Lane {
    /// The number of the run among those that the caller passes.
    run: usize,
    /// Records not yet taken.
    left: Range<usize>,
    /// The block of the head, and how its windows are seen from the common place.
    block: usize,
    lens: Lens,
    /// The window of the head at the common place.
    window: Window,
    /// The key of the record `key_of`, once read.
    key: Vec<u8>,
    key_of: Option<usize>,
    /// The records touched ahead of the last key read.
    touched: Range<usize>,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Contest {
    way: Way,
    /// In the order of their runs, those that have no record left included.
    lanes: Vec<Lane>,
    queue: Vec<usize>,
    /// Lanes with records that are not in the queue.
    waiting: Vec<usize>,
    aside: Vec<Aside>,
    /// The lane that was taken from last.
    last: usize,
    /// The common place of all windows, from the start of the keys.
    place: usize,
    /// Whether the common place may lie wrong, or could lie better, for the blocks that the lanes are in.
    is_dislocated: bool,
    /// Ties met since the place was found.
    ties: usize,
}

impl Contest {
    /// Over some records of each run, newest run first.
    pub(super) fn new(way: Way, ranges: impl IntoIterator<Item = (usize, Range<usize>)>) -> Self {
        let lanes = ranges.into_iter().filter(|(_, left)| !left.is_empty()).map(|(run, left)| Lane {
            run,
            left,
            block: usize::MAX,
            lens: Lens::default(),
            window: Window::of(&[]),
            key: Vec::new(),
            key_of: None,
            touched: 0..0,
        });
        let lanes = lanes.collect::<Vec<_>>();
        Self {
            way,
            queue: Vec::with_capacity(lanes.len()),
            waiting: (0..lanes.len()).collect(),
            lanes,
            aside: Vec::new(),
            last: 0,
            place: 0,
            is_dislocated: true,
            ties: 0,
        }
    }

    /// Takes the versions of the next key: the ranges of records that have it, with the numbers of their runs, newest
    /// first, are put into `versions`, which is empty. Nothing is put there when no key is left.
    pub(super) fn next<K: Keys>(
        &mut self,
        runs: &[impl Borrow<Run>],
        keys: &K,
        versions: &mut Vec<Taken>,
    ) -> Result<(), Lost> {
        if self.is_dislocated {
            self.relocate(runs);
        }
        while let Some(lane) = self.waiting.last().copied() {
            let at = self.find_place(runs, keys, lane)?;
            self.queue.insert(at, lane);
            self.waiting.pop();
        }
        let Some(best) = self.queue.last().copied() else {
            self.leave_aside(versions, |_| true);
            return Ok(());
        };
        let mut count = 1;
        while let Some(next) = self.queue.len().checked_sub(count + 1) {
            if self.compare(runs, keys, self.queue[next], best)? != Ordering::Equal {
                break;
            }
            count += 1;
        }
        if !self.aside.is_empty() && self.guess(runs, count, versions) {
            return Ok(());
        }
        for _ in 0..count {
            let lane = self.queue.pop().expect("it was counted");
            self.take(runs, lane, versions);
        }
        // Guesses were put in before; every other range comes of its lane, and lanes are in the order of their runs.
        if versions.len() > count {
            versions.sort_by_key(|taken| taken.run);
        }
        Ok(())
    }

    /// Puts what was set aside and may have the key of the `count` lanes that come next into `versions`. What cannot have it,
    /// nor one behind it, comes before that key, and then the answer is true.
    fn guess(&mut self, runs: &[impl Borrow<Run>], count: usize, versions: &mut Vec<Taken>) -> bool {
        let next = &self.queue[self.queue.len() - count..];
        let best = next[count - 1];
        let order = |aside: &Aside| {
            // In its own run it comes before whatever was not taken from there.
            if next.contains(&aside.lane) {
                return Some(Ordering::Less);
            }
            let (ours, theirs) = (&self.lanes[aside.lane], &self.lanes[best]);
            let (our_run, their_run) = (runs[ours.run].borrow(), runs[theirs.run].borrow());
            let order = known_order((our_run, aside.records.start), (their_run, theirs.head(self.way)));
            order.map(|order| if self.way == Way::Backward { order.reverse() } else { order })
        };
        let orders: Vec<_> = self.aside.iter().map(order).collect();
        let mut passed = orders.iter().map(|order| *order == Some(Ordering::Less));
        if self.leave_aside(versions, |_| passed.next().unwrap_or(false)) {
            return true;
        }
        for (aside, _) in self.aside.iter().zip(orders).filter(|(_, order)| order.is_none()) {
            let (run, records) = (self.lanes[aside.lane].run, aside.records.clone());
            versions.push(Taken { run, records, is_guess: true });
        }
        false
    }

    /// Gives the first of what was set aside and has been passed, and says whether there was any.
    fn leave_aside(&mut self, versions: &mut Vec<Taken>, is_passed: impl FnMut(&Aside) -> bool) -> bool {
        let Some(passed) = self.aside.iter().position(is_passed) else { return false };
        let Aside { lane, records } = self.aside.remove(passed);
        versions.push(Taken { run: self.lanes[lane].run, records, is_guess: false });
        true
    }

    /// Takes the versions at the head of a lane, of a key that is damaged, out of the lane.
    pub(super) fn set_aside(&mut self, runs: &[impl Borrow<Run>], lost: Lost) {
        let lane = &mut self.lanes[lost.lane];
        let records = lane.take_head(runs[lane.run].borrow(), self.way);
        self.aside.push(Aside { lane: lost.lane, records });
        self.queue.retain(|lane| *lane != lost.lane);
        self.waiting.retain(|lane| *lane != lost.lane);
        self.arrive(runs, lost.lane);
    }

    /// The run whose record could not be compared.
    pub(super) fn run_of(&self, lost: Lost) -> usize {
        self.lanes[lost.lane].run
    }

    /// Leaves out the record that could not be compared.
    pub(super) fn skip(&mut self, runs: &[impl Borrow<Run>], lost: Lost) {
        let lane = &mut self.lanes[lost.lane];
        match self.way {
            Way::Forward => lane.left.start += 1,
            Way::Backward => lane.left.end -= 1,
        }
        self.queue.retain(|lane| *lane != lost.lane);
        self.waiting.retain(|lane| *lane != lost.lane);
        self.arrive(runs, lost.lane);
    }

    /// What is left of the run that was taken from last.
    pub(super) fn leading(&self) -> Option<(usize, Range<usize>)> {
        self.lanes.get(self.last).map(|lane| (lane.run, lane.left.clone()))
    }

    /// Takes the versions that a lane has of its key, and moves it on.
    fn take(&mut self, runs: &[impl Borrow<Run>], number: usize, versions: &mut Vec<Taken>) {
        let lane = &mut self.lanes[number];
        let records = lane.take_head(runs[lane.run].borrow(), self.way);
        versions.push(Taken { run: lane.run, records, is_guess: false });
        self.last = number;
        self.arrive(runs, number);
    }

    /// Puts a lane that has moved on among the waiting, its window up to date; nowhere if it has no record left.
    fn arrive(&mut self, runs: &[impl Borrow<Run>], number: usize) {
        if self.lanes[number].left.is_empty() {
            return;
        }
        self.waiting.push(number);
        let other = self.queue.last().map(|other| (self.lanes[*other].run, self.lanes[*other].block));
        let lane = &mut self.lanes[number];
        let run = runs[lane.run].borrow();
        let head = lane.head(self.way);
        if head / BLOCK != lane.block {
            lane.block = head / BLOCK;
            let stem = run.stem(lane.block);
            // While the place is right for the new block, the other lanes stay as they are. After many ties it may
            // be worth looking for a better one.
            let shared = other.map_or(0, |(run, block)| stem.shared(runs[run].borrow().stem(block)));
            if shared < self.place || other.is_none() || self.ties >= TIES_MAX {
                self.is_dislocated = true;
                return;
            }
            lane.lens = Lens::new(stem, self.place);
        }
        lane.window = lane.lens.apply(run.window(head));
    }

    /// Finds the longest place that all blocks share, and brings all windows to it.
    fn relocate(&mut self, runs: &[impl Borrow<Run>]) {
        self.is_dislocated = false;
        self.ties = 0;
        let way = self.way;
        let mut live = self.lanes.iter_mut().filter(|lane| lane.left.start < lane.left.end);
        let Some(first) = live.next() else { return };
        first.block = first.head(way) / BLOCK;
        let stem = runs[first.run].borrow().stem(first.block);
        let mut place = stem.len();
        for lane in live {
            lane.block = lane.head(way) / BLOCK;
            place = place.min(stem.shared(runs[lane.run].borrow().stem(lane.block)));
        }
        self.place = place;
        for lane in self.lanes.iter_mut().filter(|lane| lane.left.start < lane.left.end) {
            let run = runs[lane.run].borrow();
            lane.lens = Lens::new(run.stem(lane.block), place);
            lane.window = lane.lens.apply(run.window(lane.head(way)));
        }
    }

    /// Where in the queue a lane belongs.
    fn find_place<K: Keys>(
        &mut self,
        runs: &[impl Borrow<Run>],
        keys: &K,
        lane: usize,
    ) -> Result<usize, Lost> {
        let mut at = self.queue.len();
        while let Some(next) = at.checked_sub(1) {
            let other = self.queue[next];
            let order = self.compare(runs, keys, lane, other)?;
            if order.then(lane.cmp(&other)) == Ordering::Less {
                break;
            }
            at = next;
        }
        Ok(at)
    }

    /// Which of two lanes comes first by the keys at their heads.
    #[inline]
    fn compare<K: Keys>(
        &mut self,
        runs: &[impl Borrow<Run>],
        keys: &K,
        left: usize,
        right: usize,
    ) -> Result<Ordering, Lost> {
        let (ours, theirs) = (self.lanes[left].window, self.lanes[right].window);
        let order = match ours.cmp(&theirs) {
            Ordering::Equal if !ours.is_whole() => self.compare_further(runs, keys, left, right)?,
            order => order,
        };
        Ok(match self.way {
            Way::Forward => order,
            Way::Backward => order.reverse(),
        })
    }

    /// Compares the heads of two lanes whose windows tie: by all that their blocks know, then by the log.
    fn compare_further<K: Keys>(
        &mut self,
        runs: &[impl Borrow<Run>],
        keys: &K,
        left: usize,
        right: usize,
    ) -> Result<Ordering, Lost> {
        self.ties += 1;
        let (ours, theirs) = (&self.lanes[left], &self.lanes[right]);
        let (our_run, their_run) = (runs[ours.run].borrow(), runs[theirs.run].borrow());
        if let Some(order) = known_order((our_run, ours.head(self.way)), (their_run, theirs.head(self.way))) {
            return Ok(order);
        }
        self.read(runs, keys, left)?;
        self.read(runs, keys, right)?;
        Ok(self.lanes[left].key.cmp(&self.lanes[right].key))
    }

    /// Reads the key at the head of a lane, unless it was read before.
    fn read<K: Keys>(&mut self, runs: &[impl Borrow<Run>], keys: &K, lane: usize) -> Result<(), Lost> {
        let number = lane;
        let lane = &mut self.lanes[lane];
        let head = lane.head(self.way);
        if lane.key_of == Some(head) {
            return Ok(());
        }
        lane.key_of = None;
        lane.touch_ahead(runs[lane.run].borrow(), keys, self.way);
        let key = &mut lane.key;
        let copy = |bytes: &[u8]| {
            key.clear();
            key.extend_from_slice(bytes);
        };
        runs[lane.run].borrow().key(head, keys, copy).map_err(|missing| Lost { lane: number, missing })?;
        lane.key_of = Some(head);
        Ok(())
    }
}

/// Which of two records comes first by all that their blocks know; `None` where only the log knows.
fn known_order((run, record): (&Run, usize), (other_run, other): (&Run, usize)) -> Option<Ordering> {
    let (stem, other_stem) = (run.stem(record / BLOCK), other_run.stem(other / BLOCK));
    let place = stem.shared(other_stem);
    if place < stem.len().min(other_stem.len()) {
        return Some(stem.byte(place).cmp(&other_stem.byte(place)));
    }
    let window = Lens::new(stem, place).apply(run.window(record));
    let other_window = Lens::new(other_stem, place).apply(other_run.window(other));
    match window.cmp(&other_window) {
        Ordering::Equal if !window.is_whole() => None,
        order => Some(order),
    }
}

impl Lane {
    /// Takes the next record and all of its key.
    fn take_head(&mut self, run: &Run, way: Way) -> Range<usize> {
        let taken = run.versions(self.head(way), &self.left);
        match way {
            Way::Forward => self.left.start = taken.end,
            Way::Backward => self.left.end = taken.start,
        }
        taken
    }

    /// The next record; of several versions any serves, as they have the same key.
    #[inline]
    fn head(&self, way: Way) -> usize {
        match way {
            Way::Forward => self.left.start,
            Way::Backward => self.left.end - 1,
        }
    }

    /// Where keys have to be read one after the other, says which ones come next.
    fn touch_ahead(&mut self, run: &Run, keys: &impl Keys, way: Way) {
        let window = match way {
            Way::Forward => self.left.start..self.left.end.min(self.left.start + AHEAD),
            Way::Backward => self.left.start.max(self.left.end.saturating_sub(AHEAD))..self.left.end,
        };
        let is_near = self.touched.contains(&self.head(way));
        let touched = std::mem::replace(&mut self.touched, window.clone());
        if is_near {
            let ahead = window.filter(|record| !touched.contains(record));
            ahead.map(|record| run.cell(record).address()).for_each(keys.toucher());
        }
    }
}
