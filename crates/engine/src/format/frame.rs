//! The header of a frame (`docs/format.md` §5).

use super::bytes::{put_at, u16_at, u32_at, u64_at};
use super::checksum::{Nonce, Salt, finish_salted};
use super::entry::Subject;
use super::identity::LogKind;
use super::{NUMBERS_END, UNIT};
use crate::numbers::{FrameNumber, Sequence, Timestamp};

/// Length of a header in bytes.
pub(crate) const LENGTH: u64 = BYTES as u64;
/// The same, as a length in memory.
pub(crate) const BYTES: usize = 64;
/// Flag: lineages are kept.
const LINEAGES: u8 = 1 << 1;

/// What a frame holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FrameKind {
    /// The entries of one commit.
    Commit,
    /// Nothing: it carries the mark and the time.
    Mark,
    /// A new floor: of the batch log, or of the records of a record log.
    Floor,
    /// The system entries of a commit that changes nothing else, and takes no sequence.
    Metadata,
    /// Numbered records of a record log.
    Records,
    /// Entries that compaction moved.
    Moved,
    /// The number from which on the records so far of a record log do not count any more.
    Truncate,
    /// Small records of a record log, each under its key.
    Small,
}

impl FrameKind {
    const ALL: [Self; 8] = [
        Self::Commit,
        Self::Mark,
        Self::Floor,
        Self::Metadata,
        Self::Records,
        Self::Moved,
        Self::Truncate,
        Self::Small,
    ];

    /// Whether its body is entries.
    pub(crate) fn has_entries(self) -> bool {
        matches!(self, Self::Commit | Self::Metadata | Self::Moved | Self::Records | Self::Small)
    }

    /// Whether its body is a number.
    pub(crate) fn has_number(self) -> bool {
        matches!(self, Self::Floor | Self::Truncate)
    }

    /// Whether such frames stand in a log of this kind.
    pub(crate) fn belongs_in(self, log: LogKind) -> bool {
        match self {
            Self::Mark | Self::Floor => true,
            Self::Commit | Self::Metadata | Self::Moved => log == LogKind::Commits,
            Self::Small | Self::Records | Self::Truncate => log == LogKind::Records,
        }
    }

    fn code(self) -> u8 {
        match self {
            Self::Commit => 1,
            Self::Mark => 2,
            Self::Floor => 3,
            Self::Metadata => 4,
            Self::Records => 5,
            Self::Moved => 6,
            Self::Truncate => 7,
            Self::Small => 8,
        }
    }

    fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

/// The header of a frame, but for its checksums.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameHeader {
    pub(crate) kind: FrameKind,
    pub(crate) entries: u32,
    pub(crate) number: FrameNumber,
    /// 0 unless the frame is a commit.
    pub(crate) sequence: Sequence,
    pub(crate) time: Timestamp,
    pub(crate) mark: FrameNumber,
    pub(crate) body_length: u64,
    pub(crate) epoch: u32,
    /// An entry of it that says nothing of versions before it is the first of its key. Commits alone say so.
    pub(crate) keeps_lineages: bool,
}

/// What orders the versions of an entry's key, if it stands in such a frame: the commit, or for a system entry the frame,
/// which may be that of no commit.
pub(crate) fn rank_in(number: FrameNumber, sequence: Sequence, subject: Subject<'_>) -> Sequence {
    match subject {
        Subject::System(_) => Sequence(number.0),
        Subject::Key(_) | Subject::Hash(_) | Subject::Named(_) | Subject::NamedHash(..) => sequence,
    }
}

impl FrameHeader {
    /// See [`rank_in`].
    pub(crate) fn rank_of(&self, subject: Subject<'_>) -> Sequence {
        rank_in(self.number, self.sequence, subject)
    }

    /// The whole frame's length in bytes.
    pub(crate) fn frame_length(&self) -> u64 {
        LENGTH + self.body_length
    }

    /// The salt of this frame at `offset` of a segment.
    pub(crate) fn salt(&self, nonce: Nonce, offset: u64) -> Salt {
        Salt { nonce, epoch: self.epoch, number: self.number, offset }
    }

    /// Writes the header at the start of `bytes`.
    pub(crate) fn encode(&self, bytes: &mut [u8], body_checksum: u32, nonce: Nonce, offset: u64) {
        put_at(bytes, 4, &body_checksum.to_le_bytes());
        bytes[8] = self.kind.code();
        bytes[9] = if self.keeps_lineages { LINEAGES } else { 0 };
        put_at(bytes, 10, &64u16.to_le_bytes());
        put_at(bytes, 12, &self.entries.to_le_bytes());
        put_at(bytes, 16, &self.number.0.to_le_bytes());
        put_at(bytes, 24, &self.sequence.0.to_le_bytes());
        put_at(bytes, 32, &self.time.0.to_le_bytes());
        put_at(bytes, 40, &self.mark.0.to_le_bytes());
        put_at(bytes, 48, &self.body_length.to_le_bytes());
        put_at(bytes, 56, &self.epoch.to_le_bytes());
        put_at(bytes, 60, &0u32.to_le_bytes());
        let mut hasher = self.salt(nonce, offset).hasher();
        hasher.update(&bytes[4..64]);
        let sum = finish_salted(hasher);
        put_at(bytes, 0, &sum.to_le_bytes());
    }

    /// Reads the header at `offset` of a segment, and the body's checksum; `None` when it does not verify there.
    pub(crate) fn decode(bytes: &[u8], nonce: Nonce, offset: u64) -> Option<(Self, u32)> {
        let header = Self::decode_verified(bytes)?;
        let mut hasher = header.salt(nonce, offset).hasher();
        hasher.update(&bytes[4..64]);
        (finish_salted(hasher) == u32_at(bytes, 0)).then(|| (header, u32_at(bytes, 4)))
    }

    /// Reads a header that was found to verify before.
    #[inline]
    pub(crate) fn decode_verified(bytes: &[u8]) -> Option<Self> {
        if (bytes.len() as u64) < LENGTH {
            return None;
        }
        let kind = FrameKind::from_code(bytes[8])?;
        let header = Self {
            kind,
            entries: u32_at(bytes, 12),
            number: FrameNumber(u64_at(bytes, 16)),
            sequence: Sequence(u64_at(bytes, 24)),
            time: Timestamp(u64_at(bytes, 32)),
            mark: FrameNumber(u64_at(bytes, 40)),
            body_length: u64_at(bytes, 48),
            epoch: u32_at(bytes, 56),
            keeps_lineages: bytes[9] == LINEAGES,
        };
        // Cheap tests first: a scan tries every eighth byte.
        let plausible = (bytes[9] == 0 || (header.keeps_lineages && header.kind == FrameKind::Commit))
            && u16_at(bytes, 10) == 64
            && u32_at(bytes, 60) == 0
            && header.epoch != 0
            && header.body_length.is_multiple_of(UNIT)
            && header.mark < header.number
            && (header.kind == FrameKind::Commit) == (header.sequence.0 != 0)
            && [header.number.0, header.sequence.0, header.body_length].iter().all(|&n| n < NUMBERS_END);
        plausible.then_some(header)
    }
}

#[cfg(test)]
mod tests {
    use super::{FrameHeader, FrameKind};
    use crate::numbers::{FrameNumber, Sequence, Timestamp};

    fn sample() -> FrameHeader {
        FrameHeader {
            kind: FrameKind::Commit,
            entries: 3,
            number: FrameNumber(10),
            sequence: Sequence(8),
            time: Timestamp(77),
            mark: FrameNumber(9),
            body_length: 128,
            epoch: 2,
            keeps_lineages: true,
        }
    }

    #[test]
    fn f03_every_flipped_bit_is_noticed() {
        let mut good = [0; 64];
        sample().encode(&mut good, 42, [1; 16], 256);
        assert_eq!(FrameHeader::decode(&good, [1; 16], 256), Some((sample(), 42)));
        for bit in 0..good.len() * 8 {
            let mut bad = good;
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(FrameHeader::decode(&bad, [1; 16], 256), None, "bit {bit}");
        }
    }

    #[test]
    fn a_frame_verifies_only_where_it_was_written() {
        let mut good = [0; 64];
        sample().encode(&mut good, 42, [1; 16], 256);
        assert_eq!(FrameHeader::decode(&good, [2; 16], 256), None, "another segment");
        assert_eq!(FrameHeader::decode(&good, [1; 16], 264), None, "another offset");
        assert_eq!(FrameHeader::decode(&[0; 64], [1; 16], 256), None, "zeros");
    }
}
