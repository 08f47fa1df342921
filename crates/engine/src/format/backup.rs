//! The two files that make backups out of a directory: the mark of a repository, and the record of one backup
//! (`docs/format.md` §12).

use super::bytes::{array_at, is_zero, length_u64, put_at, u32_at, u64_at};
use super::catalog::{Catalog, SegmentRecord};
use super::{NUMBERS_END, VERSION, checksum, magic};

const REPOSITORY_MAGIC: [u8; 16] = magic(b"REPO");
const BACKUP_MAGIC: [u8; 16] = magic(b"BKUP");
/// Length of the mark in bytes.
pub(crate) const REPOSITORY_LENGTH: usize = 64;
const HEAD: usize = 64;
const FOOT: usize = 8;

/// Why bytes are not what they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BackupFault {
    /// They do not begin with the magic.
    Foreign,
    /// They are of another format version.
    Version(u32),
    /// They are not what was written.
    Damaged,
}

/// The mark of a repository: whose backups it holds.
pub(crate) fn encode_repository(store_id: [u8; 16]) -> [u8; REPOSITORY_LENGTH] {
    let mut bytes = [0; REPOSITORY_LENGTH];
    put_at(&mut bytes, 0, &REPOSITORY_MAGIC);
    put_at(&mut bytes, 16, &VERSION.to_le_bytes());
    put_at(&mut bytes, 32, &store_id);
    let sum = checksum::plain(&bytes[..REPOSITORY_LENGTH - 4]);
    put_at(&mut bytes, REPOSITORY_LENGTH - 4, &sum.to_le_bytes());
    bytes
}

/// The store whose backups a repository holds.
pub(crate) fn decode_repository(bytes: &[u8]) -> Result<[u8; 16], BackupFault> {
    begins_with(bytes, REPOSITORY_MAGIC)?;
    if bytes.len() != REPOSITORY_LENGTH
        || !foot_holds(bytes)
        || !is_zero(&bytes[20..32])
        || !is_zero(&bytes[48..60])
    {
        return Err(BackupFault::Damaged);
    }
    Ok(array_at(bytes, 32))
}

/// One backup: what the catalog of the store said at its moment, with the end of the log written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BackupRecord {
    /// Its number among the backups of its repository, from 1.
    pub(crate) number: u64,
    /// The wall clock when it was taken, in nanoseconds since 1970.
    pub(crate) taken_ns: u64,
    /// All segments are sealed, at the length that counts.
    pub(crate) catalog: Catalog,
}

impl BackupRecord {
    /// How many bytes [`BackupRecord::claimed_length`] looks at.
    pub(crate) const HEAD_BYTES: u64 = HEAD as u64;

    /// The length that a file with this beginning says it has; `None` when it is no record of a backup.
    pub(crate) fn claimed_length(head: &[u8]) -> Option<u64> {
        let is_one = head.len() >= HEAD && head[..16] == BACKUP_MAGIC;
        is_one.then(|| u64_at(head, 40).checked_add(length_u64(HEAD + FOOT))).flatten()
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let catalog = self.catalog.encode();
        let mut bytes = vec![0; HEAD + catalog.len() + FOOT];
        put_at(&mut bytes, 0, &BACKUP_MAGIC);
        put_at(&mut bytes, 16, &VERSION.to_le_bytes());
        put_at(&mut bytes, 24, &self.number.to_le_bytes());
        put_at(&mut bytes, 32, &self.taken_ns.to_le_bytes());
        put_at(&mut bytes, 40, &length_u64(catalog.len()).to_le_bytes());
        put_at(&mut bytes, HEAD, &catalog);
        let sum_at = bytes.len() - 4;
        let sum = checksum::plain(&bytes[..sum_at]);
        put_at(&mut bytes, sum_at, &sum.to_le_bytes());
        bytes
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, BackupFault> {
        begins_with(bytes, BACKUP_MAGIC)?;
        let claimed = Self::claimed_length(bytes);
        if claimed != Some(length_u64(bytes.len())) || !foot_holds(bytes) {
            return Err(BackupFault::Damaged);
        }
        let end = bytes.len() - FOOT;
        if !is_zero(&bytes[20..24]) || !is_zero(&bytes[48..HEAD]) || !is_zero(&bytes[end..end + 4]) {
            return Err(BackupFault::Damaged);
        }
        let catalog = Catalog::decode(&bytes[HEAD..end]).ok_or(BackupFault::Damaged)?;
        let record = Self { number: u64_at(bytes, 24), taken_ns: u64_at(bytes, 32), catalog };
        let is_whole = record.catalog.segments.iter().all(|segment| segment.sealed.is_some());
        let is_sound = is_whole && (1..NUMBERS_END).contains(&record.number);
        if is_sound { Ok(record) } else { Err(BackupFault::Damaged) }
    }

    /// Bytes of all its segments.
    pub(crate) fn bytes(&self) -> u64 {
        self.catalog.segments.iter().map(length_of).fold(0, u64::saturating_add)
    }
}

/// The length of a sealed segment in bytes.
pub(crate) fn length_of(segment: &SegmentRecord) -> u64 {
    segment.sealed.map_or(0, |sealed| sealed.length)
}

fn begins_with(bytes: &[u8], magic: [u8; 16]) -> Result<(), BackupFault> {
    if bytes.len() < HEAD || bytes[..16] != magic {
        return Err(BackupFault::Foreign);
    }
    match u32_at(bytes, 16) {
        VERSION => Ok(()),
        // One whose bytes do not verify is damaged, whatever it says of its version.
        version if foot_holds(bytes) => Err(BackupFault::Version(version)),
        _ => Err(BackupFault::Damaged),
    }
}

/// Whether the last four bytes are the checksum of those before.
fn foot_holds(bytes: &[u8]) -> bool {
    let sum_at = bytes.len() - 4;
    checksum::plain(&bytes[..sum_at]) == u32_at(bytes, sum_at)
}

#[cfg(test)]
mod tests {
    use super::{BackupFault, BackupRecord, decode_repository, encode_repository};
    use crate::format::catalog::{Catalog, Sealed, SegmentRecord};
    use crate::format::segment_header::SegmentKind;
    use crate::numbers::{FrameNumber, LogOffset, SegmentId, Sequence, Timestamp};

    fn sample() -> BackupRecord {
        let segment = SegmentRecord {
            id: SegmentId(1),
            kind: SegmentKind::Log,
            nonce: [3; 16],
            base: LogOffset(0),
            first_frame: FrameNumber(1),
            sealed: Some(Sealed { length: 4096, last_frame: FrameNumber(4), last_sequence: Sequence(3) }),
            payload_checksum: 0,
            payload_length: 0,
        };
        let catalog = Catalog {
            generation: 12,
            identity: [5; 128],
            epoch: 2,
            closed: true,
            last_frame: FrameNumber(4),
            last_sequence: Sequence(3),
            time: Timestamp(1 << 60),
            mark: FrameNumber(4),
            active_end: 0,
            floor: Sequence(2),
            next_segment: SegmentId(6),
            history: Sequence(2),
            segments: vec![segment],
        };
        BackupRecord { number: 7, taken_ns: 1 << 60, catalog }
    }

    #[test]
    fn f04_every_flipped_bit_and_every_cut_of_a_record_is_noticed() {
        let good = sample().encode();
        assert_eq!(BackupRecord::decode(&good), Ok(sample()));
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(BackupRecord::decode(&bad).is_err(), "bit {bit}");
        }
        for length in 0..good.len() {
            assert!(BackupRecord::decode(&good[..length]).is_err(), "cut at {length}");
        }
    }

    #[test]
    fn f04_every_flipped_bit_of_the_mark_is_noticed() {
        let good = encode_repository([9; 16]);
        assert_eq!(decode_repository(&good), Ok([9; 16]));
        for bit in 0..good.len() * 8 {
            let mut bad = good;
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(decode_repository(&bad).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn f05_a_newer_version_is_told_from_damage() {
        let mut newer = encode_repository([9; 16]);
        newer[16] = 2;
        assert_eq!(decode_repository(&newer), Err(BackupFault::Damaged));
        let sum = crate::format::checksum::plain(&newer[..60]);
        newer[60..].copy_from_slice(&sum.to_le_bytes());
        assert_eq!(decode_repository(&newer), Err(BackupFault::Version(2)));
        assert_eq!(decode_repository(b"text"), Err(BackupFault::Foreign));
    }

    #[test]
    fn a_record_with_a_segment_that_is_not_sealed_is_refused() {
        let mut record = sample();
        record.catalog.segments[0].sealed = None;
        assert_eq!(BackupRecord::decode(&record.encode()), Err(BackupFault::Damaged));
    }
}
