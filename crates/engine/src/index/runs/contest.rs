//! Which key comes next in several runs, in either direction: what merging and reading have in common.
//!
//! Invariant: lanes stand in the order of their runs, newest first, and each at the next key of its run; `chosen`
//! are the lanes that have the next key of all. Heads are compared by windows at a common place, the longest that all
//! blocks in question share; on a tie by all that the two blocks know, and last by reading the log.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::ops::Range;

use super::keys::Keys;
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

/// Only the log knows how the record at the head of this lane compares, and its segment has gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gone {
    lane: usize,
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
}

/// See the module.
#[derive(Debug)]
pub(super) struct Contest {
    way: Way,
    lanes: Vec<Lane>,
    chosen: Vec<usize>,
    /// The run that was taken from last.
    last_run: usize,
    /// The common place of all windows, from the start of the keys.
    place: usize,
    /// While only one lane is chosen: what the next best showed. The lane keeps the lead short of it.
    rival: u64,
    /// Whether `chosen` is known to be right without looking.
    is_settled: bool,
    /// Whether a lane has entered another block or left.
    is_dislocated: bool,
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
        });
        Self {
            way,
            lanes: lanes.collect(),
            chosen: Vec::new(),
            last_run: usize::MAX,
            place: 0,
            rival: 0,
            is_settled: false,
            is_dislocated: true,
        }
    }

    /// Takes the versions of the next key: the ranges of records that have it, with the numbers of their runs, newest
    /// first, are put into `versions`. Nothing is put there when no key is left.
    pub(super) fn next<K: Keys>(
        &mut self,
        runs: &[impl Borrow<Run>],
        keys: &K,
        versions: &mut Vec<(usize, Range<usize>)>,
    ) -> Result<(), Gone> {
        if !self.is_settled {
            if self.is_dislocated {
                self.relocate(runs);
            }
            self.choose(runs, keys)?;
        }
        self.take(runs, versions);
        Ok(())
    }

    /// The run and the record that could not be compared.
    pub(super) fn place_of(&self, gone: Gone) -> (usize, usize) {
        let lane = &self.lanes[gone.lane];
        (lane.run, lane.head(self.way))
    }

    /// Leaves out the record that could not be compared.
    pub(super) fn skip(&mut self, runs: &[impl Borrow<Run>], gone: Gone) {
        let lane = &mut self.lanes[gone.lane];
        match self.way {
            Way::Forward => lane.left.start += 1,
            Way::Backward => lane.left.end -= 1,
        }
        self.arrive(runs, gone.lane);
        self.lanes.retain(|lane| !lane.left.is_empty());
        self.is_settled = false;
    }

    /// What is left of the run that was taken from last, or of the newest.
    pub(super) fn leading(&self) -> Option<(usize, Range<usize>)> {
        let last = self.lanes.iter().find(|lane| lane.run == self.last_run);
        let lane = last.or(self.lanes.first())?;
        Some((lane.run, lane.left.clone()))
    }

    /// Finds the common place and brings all windows to it.
    fn relocate(&mut self, runs: &[impl Borrow<Run>]) {
        self.is_dislocated = false;
        let way = self.way;
        let Some((first, others)) = self.lanes.split_first_mut() else { return };
        first.block = first.head(way) / BLOCK;
        let stem = runs[first.run].borrow().stem(first.block);
        let mut place = stem.len();
        for lane in others.iter_mut() {
            lane.block = lane.head(way) / BLOCK;
            place = place.min(stem.shared(runs[lane.run].borrow().stem(lane.block)));
        }
        self.place = place;
        for lane in &mut self.lanes {
            let run = runs[lane.run].borrow();
            lane.lens = Lens::new(run.stem(lane.block), place);
            lane.window = lane.lens.apply(run.window(lane.head(way)));
        }
    }

    /// Brings the window of a lane up to date after its head has moved on.
    fn arrive(&mut self, runs: &[impl Borrow<Run>], lane: usize) {
        let lane = &mut self.lanes[lane];
        if lane.left.is_empty() || lane.head(self.way) / BLOCK != lane.block {
            self.is_dislocated = true;
        } else {
            lane.window = lane.lens.apply(runs[lane.run].borrow().window(lane.head(self.way)));
        }
    }

    /// Finds the lanes with the next key.
    fn choose<K: Keys>(&mut self, runs: &[impl Borrow<Run>], keys: &K) -> Result<(), Gone> {
        self.chosen.clear();
        if self.lanes.is_empty() {
            return Ok(());
        }
        self.rival = match self.way {
            Way::Forward => u64::MAX,
            Way::Backward => 0,
        };
        self.chosen.push(0);
        let mut best = 0;
        for lane in 1..self.lanes.len() {
            let order = match self.lanes[lane].window.cmp(&self.lanes[best].window) {
                Ordering::Equal if !self.lanes[best].window.is_whole() => {
                    self.compare_further(runs, keys, lane, best)?
                }
                order => order,
            };
            let order = match self.way {
                Way::Forward => order,
                Way::Backward => order.reverse(),
            };
            let loser = match order {
                Ordering::Less => {
                    self.chosen.clear();
                    self.chosen.push(lane);
                    std::mem::replace(&mut best, lane)
                }
                Ordering::Equal => {
                    self.chosen.push(lane);
                    continue;
                }
                Ordering::Greater => lane,
            };
            let piece = self.lanes[loser].window.piece;
            self.rival = match self.way {
                Way::Forward => self.rival.min(piece),
                Way::Backward => self.rival.max(piece),
            };
        }
        Ok(())
    }

    /// Compares the heads of two lanes whose windows tie: by all that their blocks know, then by the log.
    fn compare_further<K: Keys>(
        &mut self,
        runs: &[impl Borrow<Run>],
        keys: &K,
        left: usize,
        right: usize,
    ) -> Result<Ordering, Gone> {
        let (ours, theirs) = (&self.lanes[left], &self.lanes[right]);
        let (our_run, their_run) = (runs[ours.run].borrow(), runs[theirs.run].borrow());
        let (our_stem, their_stem) = (our_run.stem(ours.block), their_run.stem(theirs.block));
        let place = our_stem.shared(their_stem);
        if place < our_stem.len().min(their_stem.len()) {
            return Ok(our_stem.byte(place).cmp(&their_stem.byte(place)));
        }
        let our_window = Lens::new(our_stem, place).apply(our_run.window(ours.head(self.way)));
        let their_window = Lens::new(their_stem, place).apply(their_run.window(theirs.head(self.way)));
        match our_window.cmp(&their_window) {
            Ordering::Equal if !our_window.is_whole() => {}
            order => return Ok(order),
        }
        self.read(runs, keys, left)?;
        self.read(runs, keys, right)?;
        Ok(self.lanes[left].key.cmp(&self.lanes[right].key))
    }

    /// Reads the key at the head of a lane, unless it was read before.
    fn read<K: Keys>(&mut self, runs: &[impl Borrow<Run>], keys: &K, lane: usize) -> Result<(), Gone> {
        let number = lane;
        let lane = &mut self.lanes[lane];
        let head = lane.head(self.way);
        if lane.key_of == Some(head) {
            return Ok(());
        }
        lane.key_of = None;
        let key = &mut lane.key;
        let copy = |bytes: &[u8]| {
            key.clear();
            key.extend_from_slice(bytes);
        };
        runs[lane.run].borrow().key(head, keys, copy).ok_or(Gone { lane: number })?;
        lane.key_of = Some(head);
        Ok(())
    }

    /// Takes the versions of the chosen lanes and moves these on.
    fn take(&mut self, runs: &[impl Borrow<Run>], versions: &mut Vec<(usize, Range<usize>)>) {
        let way = self.way;
        for at in 0..self.chosen.len() {
            let number = self.chosen[at];
            let lane = &mut self.lanes[number];
            let taken = runs[lane.run].borrow().versions(lane.head(way), &lane.left);
            match way {
                Way::Forward => lane.left.start = taken.end,
                Way::Backward => lane.left.end = taken.start,
            }
            self.last_run = lane.run;
            versions.push((lane.run, taken));
            self.arrive(runs, number);
        }
        if self.is_dislocated {
            self.lanes.retain(|lane| !lane.left.is_empty());
            self.is_settled = false;
            return;
        }
        self.is_settled = match (&*self.chosen, way) {
            ([only], Way::Forward) => self.lanes[*only].window.piece < self.rival,
            ([only], Way::Backward) => self.lanes[*only].window.piece > self.rival,
            _ => false,
        };
    }
}

impl Lane {
    /// The next record; of several versions any serves, as they have the same key.
    #[inline]
    fn head(&self, way: Way) -> usize {
        match way {
            Way::Forward => self.left.start,
            Way::Backward => self.left.end - 1,
        }
    }
}
