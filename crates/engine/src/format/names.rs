//! The names of files in a store's directory.

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
    use super::{checkpoint, is_known, parse_checkpoint, parse_segment, segment};
    use crate::format::segment_header::SegmentKind;
    use crate::numbers::SegmentId;

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
