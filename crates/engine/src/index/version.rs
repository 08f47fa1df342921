//! A version: one entry of the log as the index knows it, and the view that decides whether a reader sees it.
//!
//! Invariant: a version is 40 bytes, because the index holds at least two of them per key. What an entry's key or
//! value says is left to whoever reads the log.

use std::fmt;

use crate::numbers::{SegmentId, Sequence, Timestamp};

/// Where an entry stands: the segment and the byte offset of the entry in its file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Position {
    pub(crate) segment: SegmentId,
    pub(crate) offset: u64,
}

/// What a reader sees: versions with a sequence at or below `sequence`; an entry whose deadline is at or before
/// `time` is absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct View {
    pub(crate) sequence: Sequence,
    pub(crate) time: Timestamp,
}

/// What an entry does to its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum VersionKind {
    /// Gives it a value, until the deadline if there is one.
    Value { deadline: Option<Timestamp> },
    /// Deletes it.
    Tombstone,
}

/// One entry of one key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Version {
    pub(crate) sequence: Sequence,
    pub(crate) position: Position,
    /// The entry's size in the low 40 bits, its place in its commit in the next 23; the top bit says that `detail` is
    /// a deadline.
    size: u64,
    /// The deadline where there is one, else [`PLAIN`] or [`TOMBSTONE`].
    detail: u64,
}

const HAS_DEADLINE: u64 = 1 << 63;
const SIZE_BITS: u32 = 40;
const SIZE_MAX: u64 = (1 << SIZE_BITS) - 1;
const ORDINAL_MAX: u64 = (1 << 23) - 1;
const PLAIN: u64 = 0;
const TOMBSTONE: u64 = 1;

const _: () = assert!(size_of::<Version>() <= 40, "the index holds two versions per key");

impl Version {
    /// A version whose entry takes `bytes` bytes on disk as a whole; an entry is far shorter than the 2^40 - 1 to which
    /// the size is cut.
    pub(crate) fn new(sequence: Sequence, position: Position, bytes: u64, kind: VersionKind) -> Self {
        let bytes = bytes.min(SIZE_MAX);
        let (size, detail) = match kind {
            VersionKind::Value { deadline: None } => (bytes, PLAIN),
            VersionKind::Value { deadline: Some(deadline) } => (bytes | HAS_DEADLINE, deadline.0),
            VersionKind::Tombstone => (bytes, TOMBSTONE),
        };
        Self { sequence, position, size, detail }
    }

    /// The same version as the entry number `ordinal`, from 0, of its commit. Limits on batches keep it below 2^23.
    pub(crate) fn at_ordinal(mut self, ordinal: u32) -> Self {
        let ordinal = u64::from(ordinal).min(ORDINAL_MAX);
        self.size = (self.size & !(ORDINAL_MAX << SIZE_BITS)) | (ordinal << SIZE_BITS);
        self
    }

    /// The entry's number within its commit, from 0.
    pub(crate) fn ordinal(&self) -> u32 {
        u32::try_from((self.size >> SIZE_BITS) & ORDINAL_MAX).expect("23 bits")
    }

    /// The size on disk of the whole entry, in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        self.size & SIZE_MAX
    }

    pub(crate) fn kind(&self) -> VersionKind {
        if self.size & HAS_DEADLINE != 0 {
            VersionKind::Value { deadline: Some(Timestamp(self.detail)) }
        } else if self.detail == TOMBSTONE {
            VersionKind::Tombstone
        } else {
            VersionKind::Value { deadline: None }
        }
    }

    pub(crate) fn is_tombstone(&self) -> bool {
        self.kind() == VersionKind::Tombstone
    }

    pub(crate) fn deadline(&self) -> Option<Timestamp> {
        match self.kind() {
            VersionKind::Value { deadline } => deadline,
            VersionKind::Tombstone => None,
        }
    }

    /// Whether the entry is a value that has not expired at `time`.
    pub(crate) fn is_live_at(&self, time: Timestamp) -> bool {
        match self.kind() {
            VersionKind::Value { deadline } => deadline.is_none_or(|deadline| deadline > time),
            VersionKind::Tombstone => false,
        }
    }

    /// The order of "newest": by sequence and, within one commit, by the place that the entry had there, which
    /// compaction keeps although it moves the entry.
    pub(crate) fn rank(&self) -> (Sequence, u32, Position) {
        (self.sequence, self.ordinal(), self.position)
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Version")
            .field("sequence", &self.sequence)
            .field("position", &self.position)
            .field("bytes", &self.bytes())
            .field("kind", &self.kind())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::{Position, Version, VersionKind};
    use crate::numbers::{Sequence, Timestamp};

    fn version(bytes: u64, kind: VersionKind) -> Version {
        Version::new(Sequence(7), Position::default(), bytes, kind)
    }

    #[test]
    fn every_kind_and_the_extreme_deadlines_survive_packing() {
        let deadlines =
            [0, 1, 2, u64::MAX - 1, u64::MAX].map(|at| VersionKind::Value { deadline: Some(Timestamp(at)) });
        let others = [VersionKind::Value { deadline: None }, VersionKind::Tombstone];
        for kind in deadlines.into_iter().chain(others) {
            for bytes in [0, 1, (1 << 40) - 1] {
                let packed = version(bytes, kind);
                assert_eq!(packed.kind(), kind);
                assert_eq!(packed.bytes(), bytes);
                let third = packed.at_ordinal(2);
                assert_eq!((third.kind(), third.bytes(), third.ordinal()), (kind, bytes, 2));
                assert!(third.rank() > packed.rank());
            }
        }
        assert_eq!(version(u64::MAX, VersionKind::Tombstone).bytes(), (1 << 40) - 1);
    }

    #[test]
    fn an_entry_is_gone_at_its_deadline_and_not_a_nanosecond_before() {
        let expiring = version(1, VersionKind::Value { deadline: Some(Timestamp(100)) });
        assert!(expiring.is_live_at(Timestamp(99)));
        assert!(!expiring.is_live_at(Timestamp(100)));
        assert!(version(1, VersionKind::Value { deadline: None }).is_live_at(Timestamp(u64::MAX)));
        assert!(!version(1, VersionKind::Tombstone).is_live_at(Timestamp(0)));
    }
}
