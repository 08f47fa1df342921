//! Bytes against every decoder of the format, as they are and with their checksum put right.
//!
//! What has to hold: no decoder panics, and what a decoder accepts, the encoder beside it writes again, byte for byte. So
//! two different byte strings never mean the same, and nothing that stands in a file is overlooked.

use super::source::Source;
use super::sums::{mend_catalog, mend_frame_header, mend_identity, mend_segment_header};
use crate::format::bytes::{u32_at, u64_at};
use crate::format::catalog::Catalog;
use crate::format::checksum::Salt;
use crate::format::entry::{EntryHead, Place};
use crate::format::frame::{self, FrameHeader};
use crate::format::identity::Identity;
use crate::format::segment_header::SegmentHeader;
use crate::format::{CHUNK_BYTES, CHUNKED_ABOVE, UNIT, align_up, identity, names, segment_header};
use crate::numbers::FrameNumber;
use crate::options::Alignment;

/// Most bytes of keys and lengths that an entry's layout reaches past its start: what a catalog's numbers may add up to.
const OFFSET_MAX: u64 = 1 << 40;

/// Decodes `input`: its first byte says as what, its second whether the checksum is put right first.
///
/// # Panics
///
/// When a decoder panics, or accepts what its encoder would not write.
pub fn decoders(input: &[u8]) {
    let mut source = Source::new(input);
    let (what, mended) = (source.byte() % 6, source.byte() % 2 == 1);
    match what {
        0 => identity(&mut source, mended),
        1 => catalog(&mut source, mended),
        2 => segment_header(&mut source, mended),
        3 => frame_header(&mut source, mended),
        4 => entry(&mut source),
        _ => name(&mut source),
    }
}

fn identity(source: &mut Source<'_>, mended: bool) {
    let mut bytes = source.rest().to_vec();
    if mended {
        bytes.resize(identity::LENGTH, 0);
        mend_identity(&mut bytes);
    }
    if let Ok(identity) = Identity::decode(&bytes) {
        assert_eq!(identity.encode()[..], bytes[..], "{identity:?}");
    }
}

fn catalog(source: &mut Source<'_>, mended: bool) {
    let mut bytes = source.rest().to_vec();
    if mended {
        mend_catalog(&mut bytes);
    }
    let claimed = Catalog::claimed_length(&bytes);
    if let Some(catalog) = Catalog::decode(&bytes) {
        assert_eq!(claimed, Some(bytes.len() as u64), "{catalog:?}");
        assert_eq!(catalog.encoded_length(), bytes.len() as u64, "{catalog:?}");
        assert_eq!(catalog.encode(), bytes, "{catalog:?}");
    }
}

fn segment_header(source: &mut Source<'_>, mended: bool) {
    let mut bytes = source.rest().to_vec();
    if mended {
        bytes.resize(segment_header::BYTES, 0);
        mend_segment_header(&mut bytes);
    }
    if let Some(header) = SegmentHeader::decode(&bytes) {
        assert_eq!(header.encode()[..], bytes[..segment_header::BYTES], "{header:?}");
    }
}

fn frame_header(source: &mut Source<'_>, mended: bool) {
    let nonce = [source.byte(); 16];
    let offset = source.number() % OFFSET_MAX;
    let mut bytes = source.rest().to_vec();
    if mended {
        bytes.resize(frame::BYTES, 0);
        let salt = Salt { nonce, epoch: u32_at(&bytes, 56), number: FrameNumber(u64_at(&bytes, 16)), offset };
        mend_frame_header(&mut bytes, salt);
    }
    if let Some((header, body_checksum)) = FrameHeader::decode(&bytes, nonce, offset) {
        let mut again = [0; frame::BYTES];
        header.encode(&mut again, body_checksum, nonce, offset);
        assert_eq!(again[..], bytes[..frame::BYTES], "{header:?}");
        assert_eq!(header.frame_length() % UNIT, 0, "{header:?}");
    }
}

fn entry(source: &mut Source<'_>) {
    let alignment =
        if source.byte().is_multiple_of(2) { Alignment::Compact } else { Alignment::CacheLine }.bytes();
    let start = align_up(source.number() % OFFSET_MAX, UNIT);
    let bytes = source.rest();
    let claimed = EntryHead::head_length_of(bytes);
    let Ok((head, layout)) = EntryHead::decode(bytes, start, alignment) else { return };
    let length = head.head_length();
    assert_eq!(claimed, Ok(length), "{head:?}");
    let mut again = Vec::new();
    head.encode(&mut again);
    assert_eq!(again, bytes[..again.len()], "{head:?}");
    assert_eq!(layout, head.layout(start, alignment), "{head:?}");
    assert!(start + length <= layout.payload && layout.payload + layout.payload_length <= layout.end);
    assert!(layout.end % UNIT == 0 && (layout.payload_length == 0 || layout.payload % alignment == 0));
    match (head.place, layout.table) {
        (Place::Inline { length, .. }, Some(table)) => {
            assert!(
                length > CHUNKED_ABOVE && table + 4 * length.div_ceil(CHUNK_BYTES) <= layout.end,
                "{head:?}"
            );
        }
        (Place::Inline { length, .. }, None) => assert!(length <= CHUNKED_ABOVE, "{head:?}"),
        (Place::None | Place::External { .. }, table) => {
            assert_eq!((table, layout.payload_length), (None, 0))
        }
    }
}

fn name(source: &mut Source<'_>) {
    let Ok(name) = str::from_utf8(source.rest()) else { return };
    if let Some((id, kind)) = names::parse_segment(name) {
        assert_eq!(names::segment(id, kind), name);
        assert!(names::is_known(name), "{name}");
    }
}
