//! The versions of one key that some view can still see.
//!
//! Invariant: a chain is never empty, its sequences differ, and they ascend from the oldest. Rank is by sequence,
//! never by arrival; of two versions of one sequence, the one inserted later stands. Both ends are cheap (a hot key
//! under a long-lived snapshot grows at one end and is pruned at the other).

use std::collections::VecDeque;

use super::version::{Position, Version, View};
use crate::numbers::Sequence;

/// Versions in ascending order of sequence. One is by far the usual number, so it takes no allocation.
#[derive(Debug)]
pub(super) enum Chain {
    One(Version),
    Many(VecDeque<Version>),
}

/// What an insertion found around its place.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Insertion {
    /// The version of the same sequence that made room; no view can tell the two apart.
    pub(super) replaced: Option<Version>,
    /// Whether there is an older version below.
    pub(super) has_older: bool,
    /// The sequence of the version right above, if the inserted one is not the newest.
    pub(super) newer: Option<Sequence>,
}

/// What pruning left of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pruned {
    Kept,
    /// Every version is dropped: the key is absent for every view, and the chain must be removed.
    Everything,
}

impl Chain {
    pub(super) fn newest(&self) -> Version {
        match self {
            Self::One(version) => *version,
            Self::Many(versions) => *versions.back().expect("a chain is never empty"),
        }
    }

    /// Bytes on the heap.
    pub(super) fn spilled_bytes(&self) -> usize {
        match self {
            Self::One(_) => 0,
            Self::Many(versions) => versions.capacity() * size_of::<Version>(),
        }
    }

    /// The version that a view at `sequence` sees, dead or alive.
    pub(super) fn at(&self, sequence: Sequence) -> Option<Version> {
        match self {
            Self::One(version) => (version.sequence <= sequence).then_some(*version),
            Self::Many(versions) => {
                let seen = versions.partition_point(|version| version.sequence <= sequence);
                seen.checked_sub(1).map(|last| versions[last])
            }
        }
    }

    /// The live version that a view sees. What an expired version covers stays covered.
    pub(super) fn visible(&self, view: View) -> Option<Version> {
        self.at(view.sequence).filter(|version| version.is_live_at(view.time))
    }

    /// The versions from the newest to the oldest.
    pub(super) fn versions(&self) -> Vec<Version> {
        match self {
            Self::One(version) => vec![*version],
            Self::Many(versions) => versions.iter().rev().copied().collect(),
        }
    }

    pub(super) fn insert(&mut self, version: Version) -> Insertion {
        match self {
            Self::One(held) if held.sequence == version.sequence => {
                let replaced = Some(std::mem::replace(held, version));
                Insertion { replaced, has_older: false, newer: None }
            }
            Self::One(held) => {
                let held = *held;
                let is_newest = held.sequence < version.sequence;
                *self = Self::Many(if is_newest { [held, version] } else { [version, held] }.into());
                Insertion {
                    replaced: None,
                    has_older: is_newest,
                    newer: (!is_newest).then_some(held.sequence),
                }
            }
            Self::Many(versions) => {
                let place = versions.partition_point(|held| held.sequence < version.sequence);
                let has_older = place > 0;
                match versions.get_mut(place) {
                    Some(held) if held.sequence == version.sequence => {
                        let replaced = Some(std::mem::replace(held, version));
                        let newer = versions.get(place + 1).map(|newer| newer.sequence);
                        Insertion { replaced, has_older, newer }
                    }
                    above => {
                        let newer = above.map(|newer| newer.sequence);
                        versions.insert(place, version);
                        Insertion { replaced: None, has_older, newer }
                    }
                }
            }
        }
    }

    /// Takes out what no view at or above `horizon` can see: every version below the one that stands at the
    /// horizon, and that one too when it is a tombstone or expired, for then nothing at all says the same. The
    /// dropped versions are added to `dropped`; if it is all of them, the chain itself is left as it was.
    pub(super) fn prune(&mut self, horizon: View, dropped: &mut Vec<Version>) -> Pruned {
        let Some(standing) = self.at(horizon.sequence) else { return Pruned::Kept };
        let standing_goes = !standing.is_live_at(horizon.time);
        match self {
            Self::One(version) => {
                if !standing_goes {
                    return Pruned::Kept;
                }
                dropped.push(*version);
                Pruned::Everything
            }
            Self::Many(versions) => {
                let seen = versions.partition_point(|version| version.sequence <= horizon.sequence);
                let cut = if standing_goes { seen } else { seen - 1 };
                if cut == versions.len() {
                    dropped.extend(versions.iter().copied());
                    return Pruned::Everything;
                }
                dropped.extend(versions.drain(..cut));
                if versions.len() == 1 {
                    *self = Self::One(versions[0]);
                } else if versions.len() * 4 < versions.capacity() {
                    versions.shrink_to(versions.len() * 2);
                }
                Pruned::Kept
            }
        }
    }

    /// Moves the version of `sequence` from `from` to `to`; `None` if it does not stand at `from`.
    pub(super) fn relocate(&mut self, sequence: Sequence, from: Position, to: Position) -> Option<Version> {
        let version = match self {
            Self::One(version) => version,
            Self::Many(versions) => {
                let place = versions.binary_search_by_key(&sequence, |version| version.sequence).ok()?;
                &mut versions[place]
            }
        };
        if version.sequence != sequence || version.position != from {
            return None;
        }
        version.position = to;
        Some(*version)
    }
}
