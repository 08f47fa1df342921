//! A version: one entry of the log as a reader gets it from the index, and the view that decides whether he sees it.
//!
//! Invariant: versions are made when they are looked up, from what stands in the log; the index itself holds addresses.

use super::entries::Entry;
use crate::address::Address;
use crate::numbers::{LogOffset, Sequence, Timestamp};

/// When an entry came into being, as far as views are concerned.
///
/// The log is written in the order of commits, so an entry that stands where it was written is told by its place alone;
/// one that compaction moved carries the sequence of its commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Born {
    /// It stands in the log, at this offset of it.
    At(LogOffset),
    /// It was moved; this commit wrote it.
    In(Sequence),
}

/// What a reader sees: the commits up to `sequence`, whose frames end at or before `tail`; an entry whose deadline is at
/// or before `time` is absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct View {
    pub(crate) sequence: Sequence,
    pub(crate) tail: LogOffset,
    pub(crate) time: Timestamp,
}

impl View {
    /// Whether the commit of an entry is one of those that the view includes.
    #[inline]
    pub(crate) fn includes(&self, born: Born) -> bool {
        match born {
            Born::At(offset) => offset < self.tail,
            Born::In(sequence) => sequence <= self.sequence,
        }
    }
}

/// What an entry does to its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum VersionKind {
    /// Gives it a value, until the deadline if there is one.
    Value { deadline: Option<Timestamp> },
    /// Deletes it.
    Tombstone,
}

impl VersionKind {
    /// Whether it is a value that has not expired at `time`.
    #[inline]
    pub(crate) fn is_live_at(self, time: Timestamp) -> bool {
        match self {
            Self::Value { deadline } => deadline.is_none_or(|deadline| deadline > time),
            Self::Tombstone => false,
        }
    }
}

/// Where an entry stands, and its size on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Extent {
    pub(crate) address: Address,
    pub(crate) bytes: u64,
}

/// One entry of one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Version {
    pub(crate) address: Address,
    /// The size on disk of the whole entry.
    pub(crate) bytes: u64,
    pub(crate) kind: VersionKind,
    pub(crate) born: Born,
}

impl Version {
    /// The version that an entry is.
    #[inline]
    pub(crate) fn of(address: Address, entry: &Entry<'_>) -> Self {
        Self { address, bytes: entry.bytes, kind: entry.kind, born: entry.born }
    }

    /// Whether the entry could be read when it was looked at; if not, it says nothing but where it stands.
    pub(crate) fn is_readable(&self) -> bool {
        self.bytes > 0
    }

    pub(crate) fn extent(&self) -> Extent {
        Extent { address: self.address, bytes: self.bytes }
    }

    pub(crate) fn is_tombstone(&self) -> bool {
        self.kind == VersionKind::Tombstone
    }

    pub(crate) fn deadline(&self) -> Option<Timestamp> {
        match self.kind {
            VersionKind::Value { deadline } => deadline,
            VersionKind::Tombstone => None,
        }
    }

    /// Whether the entry is a value that has not expired at `time`.
    #[inline]
    pub(crate) fn is_live_at(&self, time: Timestamp) -> bool {
        self.kind.is_live_at(time)
    }
}

#[cfg(test)]
mod tests {
    use super::{Born, Version, VersionKind, View};
    use crate::address::Address;
    use crate::numbers::{LogOffset, Sequence, Timestamp};

    fn version(kind: VersionKind) -> Version {
        Version { address: Address::new(1), bytes: 1, kind, born: Born::In(Sequence(1)) }
    }

    #[test]
    fn an_entry_is_gone_at_its_deadline_and_not_a_nanosecond_before() {
        let expiring = version(VersionKind::Value { deadline: Some(Timestamp(100)) });
        assert!(expiring.is_live_at(Timestamp(99)));
        assert!(!expiring.is_live_at(Timestamp(100)));
        assert!(version(VersionKind::Value { deadline: None }).is_live_at(Timestamp(u64::MAX)));
        assert!(!version(VersionKind::Tombstone).is_live_at(Timestamp(0)));
    }

    #[test]
    fn a_view_includes_what_was_written_before_its_tail_or_moved_from_there() {
        let view = View { sequence: Sequence(5), tail: LogOffset(1000), time: Timestamp(0) };
        assert!(view.includes(Born::At(LogOffset(999))) && !view.includes(Born::At(LogOffset(1000))));
        assert!(view.includes(Born::In(Sequence(5))) && !view.includes(Born::In(Sequence(6))));
    }
}
