//! When keys end, in order: those that a checkpoint held, in an array of it, and those that came since, in a tree.
//!
//! Invariant: the array is only read. What has gone of it is counted in `gone`, or lies before `reaped`, as everything does
//! that was popped; so opening a store costs nothing for the deadlines of a checkpoint.

use std::collections::BTreeMap;

use super::memory::tree_bytes;
use crate::numbers::Timestamp;
use crate::seams::Slab;

/// When a key ends, and its hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Deadline {
    pub(super) at: Timestamp,
    pub(super) hash: u64,
}

/// See the module. A multiset.
#[derive(Debug, Default)]
pub(super) struct Deadlines {
    /// Pairs of a deadline and a hash, ascending.
    held: Slab<u64>,
    /// How many pairs of it were popped.
    reaped: usize,
    /// Of the others, how many of each have gone.
    gone: BTreeMap<Deadline, u32>,
    /// What came since, and how many of each.
    come: BTreeMap<Deadline, u32>,
}

impl Deadlines {
    /// What a checkpoint held: pairs of a deadline and a hash, ascending.
    pub(super) fn load(held: Slab<u64>) -> Self {
        Self { held, ..Self::default() }
    }

    pub(super) fn insert(&mut self, deadline: Deadline) {
        if !take_one(&mut self.gone, deadline) {
            *self.come.entry(deadline).or_insert(0) += 1;
        }
    }

    /// Takes one out; `false` if there is none.
    pub(super) fn remove(&mut self, deadline: Deadline) -> bool {
        if take_one(&mut self.come, deadline) {
            return true;
        }
        let gone = self.gone.get(&deadline).map_or(0, |gone| *gone);
        let first = self.reaped + self.first_held(deadline);
        let place = usize::try_from(gone).ok().and_then(|gone| first.checked_add(gone));
        let is_held = place.and_then(|place| self.held_at(place)) == Some(deadline);
        if is_held {
            *self.gone.entry(deadline).or_insert(0) += 1;
        }
        is_held
    }

    /// When the first one is; one that has gone counts until [`Deadlines::pop_until`] has passed it.
    pub(super) fn first(&self) -> Option<Timestamp> {
        let held = self.held_at(self.reaped);
        let come = self.come.first_key_value().map(|(first, _)| *first);
        held.into_iter().chain(come).map(|first| first.at).min()
    }

    /// Whether there may be one at or before `now`; see [`Deadlines::first`].
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        self.first().is_some_and(|first| first <= now)
    }

    /// Takes out the first, if it is at or before `now`.
    pub(super) fn pop_until(&mut self, now: Timestamp) -> Option<Deadline> {
        loop {
            let held = self.held_at(self.reaped).filter(|first| first.at <= now);
            let come = self.come.first_key_value().map(|(first, _)| *first).filter(|first| first.at <= now);
            match (held, come) {
                (None, None) => return None,
                (Some(held), come) if come.is_none_or(|come| held <= come) => {
                    self.reaped += 1;
                    if !take_one(&mut self.gone, held) {
                        return Some(held);
                    }
                }
                (_, come) => {
                    let come = come?;
                    take_one(&mut self.come, come);
                    return Some(come);
                }
            }
        }
    }

    /// Shows all, in no particular order.
    pub(super) fn each(&self, mut show: impl FnMut(Deadline)) {
        let mut passed = self.gone.clone();
        let held = (self.reaped..self.held.len() / 2).filter_map(|place| self.held_at(place));
        held.filter(|deadline| !take_one(&mut passed, *deadline)).for_each(&mut show);
        for (deadline, count) in &self.come {
            (0..*count).for_each(|_| show(*deadline));
        }
    }

    /// Bytes on the heap.
    pub(super) fn memory_bytes(&self) -> u64 {
        let heap = u64::try_from(self.held.heap_bytes()).expect("lengths are at most 64 bits");
        heap + tree_bytes(self.gone.len() + self.come.len(), size_of::<(Deadline, u32)>())
    }

    fn held_at(&self, place: usize) -> Option<Deadline> {
        let pair = self.held.get(place.checked_mul(2)?..)?;
        Some(Deadline { at: Timestamp(*pair.first()?), hash: *pair.get(1)? })
    }

    /// How many of those not popped are below a deadline.
    fn first_held(&self, deadline: Deadline) -> usize {
        let (mut start, mut end) = (self.reaped, self.held.len() / 2);
        while start < end {
            let middle = start + (end - start) / 2;
            if self.held_at(middle).is_some_and(|held| held < deadline) {
                start = middle + 1;
            } else {
                end = middle;
            }
        }
        start - self.reaped
    }
}

/// Takes one of a kind out of a multiset; `false` if there is none.
fn take_one(set: &mut BTreeMap<Deadline, u32>, deadline: Deadline) -> bool {
    let Some(count) = set.get_mut(&deadline) else { return false };
    *count -= 1;
    if *count == 0 {
        set.remove(&deadline);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::{Deadline, Deadlines};
    use crate::numbers::Timestamp;

    fn deadline(at: u64, hash: u64) -> Deadline {
        Deadline { at: Timestamp(at), hash }
    }

    /// Against a sorted list, with few different deadlines, so that all of them come several times.
    #[test]
    fn what_a_checkpoint_held_and_what_came_since_are_one_multiset() {
        let mut dice = 7_u64;
        let mut roll = |below: u64| {
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (dice >> 33) % below
        };
        for _ in 0..200 {
            let mut model: Vec<Deadline> = (0..roll(12)).map(|_| deadline(roll(6), roll(2))).collect();
            model.sort();
            let words: Vec<u64> = model.iter().flat_map(|held| [held.at.0, held.hash]).collect();
            let mut deadlines = Deadlines::load(words.into());
            let mut now = 0;
            for _ in 0..40 {
                let one = deadline(now + roll(6), roll(2));
                match roll(5) {
                    0 | 1 => {
                        deadlines.insert(one);
                        model.push(one);
                        model.sort();
                    }
                    2 | 3 => {
                        let there = model.iter().position(|other| *other == one);
                        assert_eq!(deadlines.remove(one), there.is_some());
                        there.map(|place| model.remove(place));
                    }
                    _ => {
                        now += roll(2);
                        let due = model.first().copied().filter(|first| first.at.0 <= now);
                        assert_eq!(deadlines.pop_until(Timestamp(now)), due);
                        due.map(|_| model.remove(0));
                    }
                }
                let mut all = Vec::new();
                deadlines.each(|one| all.push(one));
                all.sort();
                assert_eq!(all, model);
            }
        }
    }
}
