//! Tests of the index: against a naive model, under threads, and scenario by scenario.

mod against_model;
mod model;
mod scenarios;
mod threads;

use super::{Change, Position, Space, Version, VersionKind, View};
use crate::numbers::{SegmentId, Sequence, Timestamp};

const PLAIN: VersionKind = VersionKind::Value { deadline: None };
const DELETE: VersionKind = VersionKind::Tombstone;

fn until(deadline: u64) -> VersionKind {
    VersionKind::Value { deadline: Some(Timestamp(deadline)) }
}

fn view(sequence: u64, time: u64) -> View {
    View { sequence: Sequence(sequence), time: Timestamp(time) }
}

fn place(offset: u64) -> Position {
    Position { segment: SegmentId(1), offset }
}

/// A version whose size is its name: tests recognise it by that wherever compaction takes it.
fn version(sequence: u64, name: u64, kind: VersionKind) -> Version {
    Version::new(Sequence(sequence), place(name), name, kind)
}

fn change(key: &[u8], hash: u64, version: Version) -> Change<'_> {
    Change { space: Space::Keys, key, hash, version }
}
