//! Commits that are planned beforehand, so that every reader knows what its view must show.

use std::collections::BTreeMap;

use super::colliding::{colliding_hash, colliding_key};
use super::store::{DELETE, PLAIN, until};
use crate::index::{VersionKind, View};

pub(super) const KEYS: u64 = 3000;
/// So many keys share one hash.
pub(super) const CROWDED: u64 = 40;
/// Names of versions are so far apart from one commit to the next.
const NAMES: u64 = 10_000;

/// A small generator (splitmix64, Sebastiano Vigna): the plan and the readers' choices come from seeds.
#[derive(Debug)]
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % sides
    }
}

pub(super) fn key(number: u64) -> Vec<u8> {
    if number < CROWDED {
        colliding_key(0, u32::try_from(number).unwrap())
    } else {
        format!("key {number:06}").into_bytes()
    }
}

/// The hash that the first [`CROWDED`] keys share.
pub(super) fn crowded_hash() -> u64 {
    colliding_hash(0)
}

/// The name of what a commit writes under a key: the size that the entry says it has.
pub(super) fn name(sequence: u64, number: u64) -> u64 {
    sequence * NAMES + number
}

/// The commit that wrote a version of this name.
pub(super) fn sequence_of(name: u64) -> u64 {
    name / NAMES
}

/// What every commit does, and what each key goes through.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) commits: Vec<Vec<(u64, VersionKind)>>,
    keys: BTreeMap<u64, Vec<(u64, VersionKind)>>,
    /// All keys in their order, with their numbers.
    pub(super) in_order: Vec<(Vec<u8>, u64)>,
}

impl Plan {
    pub(super) fn new(commits: u64) -> Self {
        let mut dice = Dice(7);
        let mut in_order: Vec<_> = (0..KEYS).map(|number| (key(number), number)).collect();
        in_order.sort();
        let mut plan = Self { commits: Vec::new(), keys: BTreeMap::new(), in_order };
        for sequence in 1..=commits {
            // Most commits are small; some take several slices of work.
            let size = if sequence % 40 == 0 { 2500 } else { 1 + dice.roll(20) };
            let start = dice.roll(KEYS);
            let mut changes: Vec<(u64, VersionKind)> = Vec::new();
            for step in 0..size {
                let number =
                    if size > 100 { (start + step) % KEYS } else { dice.roll(KEYS / 10) * 10 % KEYS };
                let kind = match dice.roll(4) {
                    0 => DELETE,
                    1 => until(sequence + dice.roll(30)),
                    _ => PLAIN,
                };
                if size > 100 || changes.iter().all(|(taken, _)| *taken != number) {
                    changes.push((number, kind));
                    plan.keys.entry(number).or_default().push((sequence, kind));
                }
            }
            plan.commits.push(changes);
        }
        plan
    }

    /// The commit whose entry a view shows under a key.
    pub(super) fn expected(&self, number: u64, view: View) -> Option<u64> {
        let history = self.keys.get(&number)?;
        let seen = history.partition_point(|(sequence, _)| *sequence <= view.sequence.0);
        let (sequence, kind) = history[seen.checked_sub(1)?];
        match kind {
            VersionKind::Value { deadline } => deadline.is_none_or(|at| at > view.time).then_some(sequence),
            VersionKind::Tombstone => None,
        }
    }
}
