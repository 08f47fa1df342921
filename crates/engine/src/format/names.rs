//! The names of files in a store's directory.

use super::backup::length_of;
use super::catalog::SegmentRecord;
use crate::format::segment_header::SegmentKind;
use crate::numbers::SegmentId;

pub(crate) const IDENTITY: &str = "identity";
pub(crate) const IDENTITY_NEW: &str = "identity.new";
pub(crate) const LOCK: &str = "lock";
pub(crate) const CREATING: &str = "creating";
pub(crate) const RESERVE: &str = "reserve";
pub(crate) const CATALOGS: [&str; 2] = ["catalog.0", "catalog.1"];
pub(crate) const CATALOGS_NEW: [&str; 2] = ["catalog.0.new", "catalog.1.new"];
/// A checkpoint that is being written.
pub(crate) const CHECKPOINT_NEW: &str = "checkpoint.new";
const CHECKPOINT: &str = ".checkpoint";
/// What the sibling directory in which a store is made is called, before a random suffix.
pub(crate) const CREATING_SIBLING: &str = ".pentad-creating-";

/// What marks a directory of backups, and holds its lock.
pub(crate) const REPOSITORY: &str = "repository";
pub(crate) const REPOSITORY_NEW: &str = "repository.new";
/// The directory of their segments.
pub(crate) const BACKED_UP: &str = "segments";
/// What the end of a name says of a file that is being written into a directory of backups.
pub(crate) const UNFINISHED: &str = ".new";
/// What the sibling directory in which a store is restored is called, before a random suffix.
pub(crate) const RESTORING_SIBLING: &str = ".pentad-restoring-";

/// The file name of a segment.
pub(crate) fn segment(id: SegmentId, kind: SegmentKind) -> String {
    format!("{:016x}.{}", id.0, kind.extension())
}

/// The file name of a checkpoint.
pub(crate) fn checkpoint(id: SegmentId) -> String {
    format!("{:016x}{CHECKPOINT}", id.0)
}

/// The checkpoint that a file name stands for, if it is the name of one.
pub(crate) fn parse_checkpoint(name: &str) -> Option<SegmentId> {
    parse_id(name.strip_suffix(CHECKPOINT)?)
}

/// The segment that a file name stands for, if it is the name of one.
pub(crate) fn parse_segment(name: &str) -> Option<(SegmentId, SegmentKind)> {
    let (id, extension) = name.split_once('.')?;
    let kind = SegmentKind::ALL.into_iter().find(|kind| kind.extension() == extension)?;
    Some((parse_id(id)?, kind))
}

fn parse_id(id: &str) -> Option<SegmentId> {
    let canonical = id.len() == 16 && id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if !canonical {
        return None;
    }
    Some(SegmentId(u64::from_str_radix(id, 16).ok()?))
}

/// The name of the record of a backup.
pub(crate) fn backup(number: u64) -> String {
    format!("{number:08}.backup")
}

/// The backup that a file name stands for, if it is the name of its record.
pub(crate) fn parse_backup(name: &str) -> Option<u64> {
    let number = name.strip_suffix(".backup")?.parse().ok()?;
    (backup(number) == name).then_some(number)
}

/// The name of a segment among backups. Ids alone do not tell segments apart there: a store that was restored counts on from
/// where it was, and of the active segment every backup has a part of its own.
pub(crate) fn backed_up(record: &SegmentRecord) -> String {
    let nonce = u128::from_be_bytes(record.nonce);
    format!("{:016x}-{nonce:032x}-{:016x}.{}", record.id.0, length_of(record), record.kind.extension())
}

/// Whether a backup may have made a file of this name among the segments.
pub(crate) fn is_backed_up(name: &str) -> bool {
    let whole = name.strip_suffix(UNFINISHED).unwrap_or(name);
    let Some((stem, extension)) = whole.split_once('.') else { return false };
    let lengths: Vec<usize> = stem.split('-').map(str::len).collect();
    lengths == [16, 32, 16]
        && stem.bytes().all(|byte| matches!(byte, b'-' | b'0'..=b'9' | b'a'..=b'f'))
        && SegmentKind::ALL.into_iter().any(|kind| kind.extension() == extension)
}

/// Whether a store may have made a file of this name.
pub(crate) fn is_known(name: &str) -> bool {
    [IDENTITY, IDENTITY_NEW, LOCK, CREATING, RESERVE].contains(&name)
        || CATALOGS.contains(&name)
        || CATALOGS_NEW.contains(&name)
        || name == CHECKPOINT_NEW
        || parse_segment(name).is_some()
        || parse_checkpoint(name).is_some()
}

#[cfg(test)]
mod tests {
    use super::{backed_up, backup, checkpoint, is_backed_up, is_known};
    use super::{parse_backup, parse_checkpoint, parse_segment, segment};
    use crate::format::catalog::{Sealed, SegmentRecord};
    use crate::format::segment_header::SegmentKind;
    use crate::numbers::{FrameNumber, LogOffset, SegmentId, Sequence};

    #[test]
    fn the_names_of_backups_round_trip_and_nothing_else_parses() {
        for number in [1, 99_999_999, 100_000_000] {
            assert_eq!(parse_backup(&backup(number)), Some(number));
        }
        for name in ["1.backup", "00000001.backup.new", "0000000x.backup", "+0000001.backup", "00000001"] {
            assert_eq!(parse_backup(name), None, "{name}");
        }
        let record = SegmentRecord {
            id: SegmentId(0xdead_beef),
            kind: SegmentKind::Log,
            nonce: [0xab; 16],
            base: LogOffset(0),
            first_frame: FrameNumber(1),
            sealed: Some(Sealed { length: 4096, last_frame: FrameNumber(1), last_sequence: Sequence(1) }),
            payload_checksum: 0,
            payload_length: 0,
        };
        let name = backed_up(&record);
        assert!(is_backed_up(&name) && is_backed_up(&format!("{name}.new")), "{name}");
        for other in ["../x", "identity", "1-2-3.log", "0000000000000001.log", &name.to_uppercase()] {
            assert!(!is_backed_up(other), "{other}");
        }
    }

    #[test]
    fn segment_names_round_trip_and_nothing_else_parses() {
        for kind in SegmentKind::ALL {
            let id = SegmentId(0xdead_beef);
            assert_eq!(parse_segment(&segment(id, kind)), Some((id, kind)));
        }
        let id = SegmentId(0xdead_beef);
        assert_eq!(parse_checkpoint(&checkpoint(id)), Some(id));
        assert!(is_known(&checkpoint(id)) && is_known("checkpoint.new"));
        for name in [
            "1.checkpoint",
            "000000000000000A.checkpoint",
            ".checkpoint",
            "1.log",
            "000000000000000G.log",
            "000000000000000A.log",
            "0000000000000001.txt",
            "log",
            "+000000000000001.log",
        ] {
            assert_eq!(parse_segment(name), None, "{name}");
            assert_eq!(parse_checkpoint(name), None, "{name}");
            assert!(!is_known(name), "{name}");
        }
    }
}
