//! The slots of one hash.
//!
//! Invariant: a key stands in a bucket once. One slot is the rule and takes no allocation; up to [`CROWD`] are
//! compared one by one; beyond that someone is making collisions, and the bucket keeps trees instead, so that a
//! write into it stays logarithmic and the highest rank is found without a scan.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::key::Space;
use super::memory::{bytes_of, tree_bytes};
use super::point::{CROWD, Found, Slot};
use super::version::{Position, Version, View};
use crate::numbers::Sequence;

/// A crowd goes back to a list at this size: below [`CROWD`], so that one key coming and going does not rebuild it.
const CROWD_OVER: usize = CROWD / 2;

/// See the module.
#[derive(Debug)]
pub(super) enum Bucket {
    One(Slot),
    Few(Vec<Slot>),
    Crowd(Box<Crowd>),
}

type CrowdKey = (Space, Arc<[u8]>);

/// The slots of a hash that very many keys share.
#[derive(Debug, Default)]
pub(super) struct Crowd {
    by_key: BTreeMap<CrowdKey, Version>,
    /// The same slots in order of rank.
    by_rank: BTreeSet<((Sequence, u32, Position), CrowdKey)>,
}

impl Bucket {
    pub(super) fn find(&self, space: Space, key: &[u8]) -> Found {
        let slot = match self {
            Self::One(slot) => slot.is(space, key).then_some(slot),
            Self::Few(slots) => slots.iter().find(|slot| slot.is(space, key)),
            Self::Crowd(_) => return Found::Crowded,
        };
        slot.map_or(Found::Absent, |slot| Found::Newest(slot.version))
    }

    pub(super) fn set(&mut self, new: Slot) {
        match self {
            Self::One(slot) if slot.is(new.space, &new.key) => *slot = new,
            Self::One(_) => {
                if let Self::One(first) = std::mem::replace(self, Self::Few(Vec::new())) {
                    *self = Self::Few(vec![first, new]);
                }
            }
            Self::Few(slots) => {
                if let Some(slot) = slots.iter_mut().find(|slot| slot.is(new.space, &new.key)) {
                    *slot = new;
                } else if slots.len() < CROWD {
                    slots.push(new);
                } else {
                    let mut crowd = Box::new(Crowd::default());
                    std::mem::take(slots).into_iter().chain([new]).for_each(|slot| crowd.set(slot));
                    *self = Self::Crowd(crowd);
                }
            }
            Self::Crowd(crowd) => crowd.set(new),
        }
    }

    /// Takes a key out; `true` if the bucket is empty now and must go.
    pub(super) fn remove(&mut self, space: Space, key: &[u8]) -> bool {
        match self {
            Self::One(slot) => slot.is(space, key),
            Self::Few(slots) => {
                slots.retain(|slot| !slot.is(space, key));
                if slots.len() == 1
                    && let Some(last) = slots.pop()
                {
                    *self = Self::One(last);
                    return false;
                }
                slots.is_empty()
            }
            Self::Crowd(crowd) => {
                crowd.remove(space, key);
                if crowd.by_key.len() <= CROWD_OVER {
                    *self = Self::Few(crowd.slots());
                }
                false
            }
        }
    }

    pub(super) fn slots(&self) -> Vec<Slot> {
        match self {
            Self::One(slot) => vec![slot.clone()],
            Self::Few(slots) => slots.clone(),
            Self::Crowd(crowd) => crowd.slots(),
        }
    }

    /// See [`PointIndex::candidates`](super::point::PointIndex::candidates).
    pub(super) fn candidates(&self, view: View) -> Vec<Slot> {
        match self {
            Self::One(_) | Self::Few(_) => self.slots(),
            Self::Crowd(crowd) => crowd.candidates(view),
        }
    }

    /// An estimate of the bytes on the heap.
    pub(super) fn spilled_bytes(&self) -> u64 {
        match self {
            Self::One(_) => 0,
            Self::Few(slots) => bytes_of(slots.capacity(), size_of::<Slot>()),
            Self::Crowd(crowd) => {
                let slots = crowd.by_key.len();
                tree_bytes(slots, size_of::<(CrowdKey, Version)>())
                    + tree_bytes(slots, size_of::<(Sequence, Position, CrowdKey)>())
            }
        }
    }
}

impl Slot {
    fn is(&self, space: Space, key: &[u8]) -> bool {
        self.space == space && *self.key == *key
    }
}

impl Crowd {
    fn set(&mut self, new: Slot) {
        let key = (new.space, new.key);
        let rank = new.version.rank();
        if let Some(old) = self.by_key.insert(key.clone(), new.version) {
            self.by_rank.remove(&(old.rank(), key.clone()));
        }
        self.by_rank.insert((rank, key));
    }

    fn remove(&mut self, space: Space, key: &[u8]) {
        if let Some((key, old)) = self.by_key.remove_entry(&(space, Arc::from(key))) {
            self.by_rank.remove(&(old.rank(), key));
        }
    }

    fn slots(&self) -> Vec<Slot> {
        let slot = |((space, key), version): (&CrowdKey, &Version)| Slot {
            space: *space,
            key: Arc::clone(key),
            version: *version,
        };
        self.by_key.iter().map(slot).collect()
    }

    fn candidates(&self, view: View) -> Vec<Slot> {
        let mut candidates = Vec::new();
        for (_, key) in self.by_rank.iter().rev() {
            let version = self.by_key[key];
            let is_above = version.sequence > view.sequence;
            if is_above || version.is_live_at(view.time) {
                candidates.push(Slot { space: key.0, key: Arc::clone(&key.1), version });
                if !is_above {
                    break;
                }
            }
        }
        candidates
    }
}
