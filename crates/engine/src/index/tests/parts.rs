//! The parts that the tests of the index put together.

use super::super::{Change, Position, Space, Version, VersionKind, View};
use crate::numbers::{SegmentId, Sequence, Timestamp};

pub(super) const PLAIN: VersionKind = VersionKind::Value { deadline: None };
pub(super) const DELETE: VersionKind = VersionKind::Tombstone;

pub(super) fn until(deadline: u64) -> VersionKind {
    VersionKind::Value { deadline: Some(Timestamp(deadline)) }
}

pub(super) fn view(sequence: u64, time: u64) -> View {
    View { sequence: Sequence(sequence), time: Timestamp(time) }
}

pub(super) fn place(offset: u64) -> Position {
    Position { segment: SegmentId(1), offset }
}

/// A version whose size is its name: tests recognise it by that wherever compaction takes it.
pub(super) fn version(sequence: u64, name: u64, kind: VersionKind) -> Version {
    Version::new(Sequence(sequence), place(name), name, kind)
}

pub(super) fn change(key: &[u8], hash: u64, version: Version) -> Change<'_> {
    Change { space: Space::Keys, key, hash, version }
}
