//! From a version in the index to the entry in the log.

use std::sync::Arc;

use super::core::Core;
use crate::error::{Error, Result, escape_key};
use crate::format::entry::{EntryHead, HEAD_BYTES_MAX, Layout, Place, Subject};
use crate::format::segment_header::SegmentKind;
use crate::format::{CHUNKED_ABOVE, segment_header};
use crate::index::Version;
use crate::keyspace::Keyspace;
use crate::log::frame_of::{sequence_around, sequence_at};
use crate::log::frame_writer::{DraftSubject, DraftValue, PayloadBytes};
use crate::log::segment::Segment;
use crate::numbers::{LogOffset, SegmentId, Sequence, Timestamp};
use crate::payload::PayloadRef;
use crate::seams::Map;
use crate::seams::lock::OnceLock;

/// What is known of an entry without its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryInfo {
    /// The commit that wrote it.
    pub sequence: Sequence,
    /// The commit that made its key, which was absent before: never written, deleted or expired. `None` where that is not
    /// known, because one of the versions since was written by a Pentad that did not note it (format 1).
    pub created: Option<Sequence>,
    /// How many versions of the key there have been since then, this one included; `None` as above. It stops at 4,294,967,295.
    pub versions: Option<u32>,
    /// The XXH3-64 hash of its key.
    pub key_hash: u64,
    /// Where the log stood before the entry, at the place where the entry is now.
    pub log_offset: LogOffset,
    /// CRC-32 of the value, little-endian.
    pub checksum: [u8; 4],
    /// Length of the value in bytes.
    pub length: u64,
    /// When the entry ends, if it does.
    pub deadline: Option<Timestamp>,
}

fn name_of(subject: &DraftSubject) -> Vec<u8> {
    match subject {
        DraftSubject::Key(key) => key.to_vec(),
        DraftSubject::Named(full) => full.get(Keyspace::BYTES..).unwrap_or_default().to_vec(),
        DraftSubject::Hash(hash) | DraftSubject::NamedHash(_, hash) => format!("#{hash:016x}").into_bytes(),
        DraftSubject::System(key) => [b"system entry ", &key[..]].concat(),
    }
}

impl Core {
    /// The commit that wrote a version; 0 when its frame cannot be read any more. Costs a short walk over the log.
    pub(crate) fn sequence_of(&self, version: &Version) -> Sequence {
        self.index.rank(version).0
    }

    /// The segment that a version stands in; `None` when compaction has moved the entry since.
    pub(crate) fn segment_of(&self, version: &Version) -> Option<Arc<Segment>> {
        self.segments.now().in_slot(version.address.slot()).cloned()
    }

    /// The payload of a version, which the caller knows to be in a segment that is still there.
    pub(crate) fn payload_at(&self, version: &Version, subject: &DraftSubject) -> Result<PayloadRef> {
        let segment = self.segment_of(version).ok_or_else(|| {
            Error::damaged(&self.dir, version.address.offset(), "the segment of an entry is gone")
        })?;
        self.payload_in(&segment, version.address.offset(), subject)
    }

    /// The payload of the entry at `offset` of `segment`.
    pub(crate) fn payload_in(
        &self,
        segment: &Arc<Segment>,
        offset: u64,
        subject: &DraftSubject,
    ) -> Result<PayloadRef> {
        let map = segment.map()?;
        let (head, layout) = self.head_in(segment, &map, offset, subject)?;
        match head.place {
            Place::Inline { length, checksum } => Ok(PayloadRef {
                start: layout.payload,
                length,
                checksum,
                table: layout.table,
                mark: layout.start,
                policy: self.options.verify_reads,
                alignment: self.identity.alignment.bytes(),
                sequence: None,
                name: name_of(subject),
                table_holds: OnceLock::new(),
                segment: Arc::clone(segment),
                map,
            }),
            Place::External { segment: stream, length, checksum } => {
                let sequence = sequence_at(segment, self.identity.alignment.bytes(), offset);
                self.external_payload(stream, length, checksum, sequence, subject)?.ok_or_else(|| {
                    let text = format!(
                        "the stream segment {:016x} of {} is gone",
                        stream.0,
                        escape_key(&name_of(subject))
                    );
                    Error::damaged(&segment.path, offset, text)
                })
            }
            Place::None => {
                let text = format!(
                    "a tombstone stands where the value of {} belongs",
                    escape_key(&name_of(subject))
                );
                Err(Error::damaged(&segment.path, offset, text))
            }
        }
    }

    /// A payload in a stream segment; `None` when the store does not have that segment.
    pub(crate) fn external_payload(
        &self,
        stream: SegmentId,
        length: u64,
        checksum: u32,
        sequence: Option<Sequence>,
        subject: &DraftSubject,
    ) -> Result<Option<PayloadRef>> {
        let Some(segment) = self.segments.get(stream) else { return Ok(None) };
        if (segment.payload_length, segment.payload_checksum) != (length, checksum) {
            return Err(Error::damaged(
                &segment.path,
                0,
                "the stream is not the one that the entry was written with",
            ));
        }
        let map = segment.map()?;
        Ok(Some(PayloadRef {
            start: segment_header::LENGTH,
            length,
            checksum,
            table: Some(segment.stream_table()),
            mark: segment_header::LENGTH,
            policy: self.options.verify_reads,
            alignment: self.identity.alignment.bytes(),
            sequence,
            name: name_of(subject),
            table_holds: OnceLock::new(),
            segment,
            map,
        }))
    }

    /// What the entry at `offset` of `segment` is stored under.
    pub(crate) fn subject_in<'a>(&self, segment: &Segment, map: &'a Map, offset: u64) -> Result<Subject<'a>> {
        let length = HEAD_BYTES_MAX.min(segment.end().saturating_sub(offset));
        let is_believed = segment.holds(offset, self.identity.alignment.bytes());
        let bytes = map.slice(offset, length).filter(|_| is_believed);
        let decoded =
            bytes.and_then(|bytes| EntryHead::decode(bytes, offset, self.identity.alignment.bytes()).ok());
        let (head, _) = decoded
            .ok_or_else(|| Error::damaged(&segment.path, offset, "the entry cannot be read any more"))?;
        Ok(head.subject)
    }

    /// The head of an entry, checked to be the one that is looked for.
    fn head_in<'a>(
        &self,
        segment: &Segment,
        map: &'a Map,
        offset: u64,
        subject: &DraftSubject,
    ) -> Result<(EntryHead<'a>, Layout)> {
        let length = HEAD_BYTES_MAX.min(segment.end().saturating_sub(offset));
        let is_believed = segment.holds(offset, self.identity.alignment.bytes());
        let decoded = map
            .slice(offset, length)
            .filter(|_| is_believed)
            .and_then(|bytes| EntryHead::decode(bytes, offset, self.identity.alignment.bytes()).ok())
            .filter(|(head, layout)| head.subject == subject.as_subject() && layout.end <= segment.end());
        decoded.ok_or_else(|| {
            let sequence = sequence_around(segment, self.identity.alignment.bytes(), offset);
            let sequence = sequence.map_or_else(|| "unknown".to_owned(), |sequence| sequence.to_string());
            let name = escape_key(&name_of(subject));
            let text = format!("the entry of {name} (sequence {sequence}) cannot be read any more");
            Error::damaged(&segment.path, offset, text)
        })
    }

    /// The value of a version as it is to be written under another key: streams are shared, the rest is read from the map.
    pub(crate) fn draft_value_at(&self, version: &Version, subject: &DraftSubject) -> Result<DraftValue> {
        let payload = self.payload_at(version, subject)?;
        if payload.segment.kind == SegmentKind::Stream {
            return Ok(DraftValue::External {
                segment: payload.segment.id,
                length: payload.length,
                checksum: payload.checksum,
            });
        }
        debug_assert!(
            payload.table.is_some() == (payload.length > CHUNKED_ABOVE),
            "chunked as the format says"
        );
        Ok(DraftValue::Inline(PayloadBytes::Mapped(payload.value()?)))
    }

    /// What is known of a version's entry.
    pub(crate) fn info_at(
        &self,
        version: &Version,
        subject: &DraftSubject,
        key_hash: u64,
    ) -> Result<EntryInfo> {
        let payload = self.payload_at(version, subject)?;
        let lineage = self.index.lineage_at(version.address);
        let (created, versions) = lineage.known().unzip();
        let sequence = self.sequence_of(version);
        // Last: if the segment is still there now, it was when the others were read. Else the caller looks again.
        let segment = self.segment_of(version).ok_or_else(|| {
            Error::damaged(&self.dir, version.address.offset(), "the segment of an entry is gone")
        })?;
        let log_offset = segment.log_offset(version.address.offset());
        Ok(EntryInfo {
            sequence,
            created,
            versions,
            key_hash,
            log_offset,
            checksum: payload.checksum.to_le_bytes(),
            length: payload.length,
            deadline: version.deadline(),
        })
    }
}
