//! Which version of its key each entry of a group is.
//!
//! Invariant: a value counts on from the newest entry that its commit finds of the key, which may be one of the same group or of
//! the same commit; where that is a tombstone or has expired, the key is made anew. So the count of a key, and the commit that made
//! it, follow from the log alone, wherever and in whatever groups it is written.

use super::evaluate::Plan;
use super::item::{Item, ItemValue};
use crate::format::entry::Lineage;
use crate::index::{Before, Entries, Index, Name};
use crate::numbers::{Sequence, Timestamp};
use crate::planted::{Bug, planted};

/// An entry of a group, and the commit that writes it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ancestry<'p> {
    item: &'p Item<'p>,
    sequence: Sequence,
    time: Timestamp,
}

impl<'p> Ancestry<'p> {
    /// Those of one commit that is written.
    pub(super) fn of(plan: &'p Plan<'_>) -> impl Iterator<Item = Self> {
        let (sequence, time) = (plan.sequence.unwrap_or_default(), plan.time);
        plan.items.iter().map(move |item| Self { item, sequence, time })
    }

    fn is_value(&self) -> bool {
        !matches!(self.item.value, ItemValue::Tombstone) && !self.item.key.is_system()
    }

    /// Whether a commit that takes place at `time` finds it.
    fn is_found_at(&self, time: Timestamp) -> bool {
        self.is_value() && self.item.deadline.is_none_or(|deadline| deadline > time)
    }
}

/// What the entries of a group say of the versions before them: `None` for the first of its key, and for what is no value. `before`
/// has what the index held of each key before the group.
pub(super) fn lineages<'p, E: Entries>(
    index: &Index<E>,
    group: impl Iterator<Item = Ancestry<'p>>,
    before: &[Option<Before>],
) -> Vec<Option<Lineage>> {
    let group: Vec<Ancestry<'p>> = group.collect();
    let mut lineages: Vec<Option<Lineage>> = Vec::with_capacity(group.len());
    let mut seen = Seen::of(group.len());
    let look = index.look();
    for (number, entry) in group.iter().enumerate() {
        let name = entry.item.name();
        let Name { space, key, hash } = name;
        let is_same = |other: usize| {
            let other = group[other].item.name();
            other.space == space && other.key == key
        };
        let earlier = seen.replace(hash, number, is_same).filter(|_| !planted(Bug::CountFromBeforeTheGroup));
        lineages.push(match (earlier, &before[number]) {
            _ if !entry.is_value() => None,
            (Some(earlier), _) => {
                let of = &group[earlier];
                let lineage = || lineages[earlier].unwrap_or_else(|| Lineage::first(of.sequence));
                of.is_found_at(entry.time).then(|| lineage().next())
            }
            (None, Some(before)) if before.version.is_live_at(entry.time) => {
                Some(index.lineage(&name, before, &look).next())
            }
            (None, _) => None,
        });
    }
    lineages
}

/// The last entry of each key of a group so far, by the hash of the key: open addressing over twice as many places.
struct Seen {
    /// Numbers of entries, and the upper bits of their hashes; [`Self::NONE`] where there is none.
    places: Vec<(u32, u32)>,
}

impl Seen {
    const NONE: u32 = u32::MAX;

    /// For a group of `count` entries. One entry alone has none before it.
    fn of(count: usize) -> Self {
        let places = if count < 2 { 0 } else { (2 * count).next_power_of_two() };
        Self { places: vec![(Self::NONE, 0); places] }
    }

    /// Puts down the entry `number`; returns the one that was there of the same key.
    fn replace(&mut self, hash: u64, number: usize, is_same: impl Fn(usize) -> bool) -> Option<usize> {
        let mask = self.places.len().checked_sub(1)?;
        let upper = u32::try_from(hash >> 32).expect("32 bits are left");
        let mut at = usize::try_from(hash & mask as u64).expect("below the number of places");
        loop {
            let (other, bits) = self.places[at];
            let earlier = usize::try_from(other).ok().filter(|_| other != Self::NONE);
            if earlier.is_none_or(|earlier| bits == upper && is_same(earlier)) {
                self.places[at] = (u32::try_from(number).expect("a group has fewer entries"), upper);
                return earlier;
            }
            at = (at + 1) & mask;
        }
    }
}

#[cfg(test)]
#[path = "lineage_tests.rs"]
mod tests;
