//! The reading that verification and the scrub are made of: one segment after the other, by `pread`, every byte that was
//! acknowledged held against its checksum.
//!
//! Invariant: it changes nothing, and what does not verify is in the report or is the error; which segments are read, how
//! fast and when it is enough, others say.

use std::collections::{BTreeSet, HashMap};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::verify_report::{Damage, Progress, TornTail, VerifyReport};
use crate::error::{Error, ErrorKind, Result, escape_key};
use crate::format::catalog::{Catalog, Sealed, SegmentRecord};
use crate::format::entry::{self, EntryHead, Place};
use crate::format::frame::{FrameHeader, FrameKind};
use crate::format::segment_header::{self, SegmentHeader, SegmentKind};
use crate::format::{CHUNK_BYTES, UNIT, align_up, bytes::length_u64, checksum, names};
use crate::keyspace::Keyspace;
use crate::log::scan::{Depth, Frames, Verdict, chunk_holds};
use crate::log::source::{FileSource, Gate, Source};
use crate::numbers::{FrameNumber, SegmentId, Sequence};
use crate::seams::{Access, Disk, File};

/// Receives how far the reading is, and says whether it goes on.
pub(super) type OnProgress<'a> = dyn FnMut(Progress) -> ControlFlow<()> + 'a;

/// What is to be read.
#[derive(Debug)]
pub(super) struct Subject<'a> {
    pub(super) disk: &'a dyn Disk,
    pub(super) dir: &'a Path,
    pub(super) store_id: [u8; 16],
    pub(super) alignment: u64,
    pub(super) catalog: Catalog,
    /// Of an open store: how much of each segment is published.
    pub(super) published: Option<HashMap<SegmentId, u64>>,
    /// What every read has to pass.
    pub(super) gate: Option<&'a dyn Gate>,
}

/// A reading that is under way.
pub(super) struct Verification<'a> {
    subject: Subject<'a>,
    progress: &'a mut OnProgress<'a>,
    total_bytes: u64,
    /// Whoever receives the progress wants no more of it.
    stopped: bool,
    report: VerifyReport,
    /// The last commit of the log so far; 0 while that is not known.
    last_sequence: Sequence,
    /// A frame was found that is newer than the catalog, and reported.
    is_newer: bool,
    streams: BTreeSet<SegmentId>,
}

impl<'a> Verification<'a> {
    pub(super) fn new(subject: Subject<'a>, progress: &'a mut OnProgress<'a>) -> Self {
        let streams = subject.catalog.of_kind(SegmentKind::Stream).map(|record| record.id).collect();
        let (total_bytes, stopped, last_sequence) = (0, false, Sequence(0));
        Self {
            subject,
            progress,
            total_bytes,
            stopped,
            report: VerifyReport::default(),
            last_sequence,
            is_newer: false,
            streams,
        }
    }

    /// Reads all segments that the catalog names.
    pub(super) fn run(mut self) -> Result<VerifyReport> {
        let records = self.subject.catalog.segments.clone();
        for record in &records {
            let path = self.path(record);
            if let Ok(file) = self.subject.disk.open(&path, Access::Read) {
                self.total_bytes += file.length().map_err(|e| Error::io("read the length of", &path, &e))?;
            }
        }
        for record in &records {
            self.segment(record)?;
            if self.stopped {
                let text = format!("the verification of {} was stopped", self.subject.dir.display());
                return Err(Error::new(ErrorKind::Cancelled, text));
            }
        }
        Ok(self.report)
    }

    /// Reads one segment.
    pub(super) fn one(mut self, record: &SegmentRecord) -> Result<VerifyReport> {
        self.segment(record)?;
        Ok(self.report)
    }

    fn path(&self, record: &SegmentRecord) -> PathBuf {
        self.subject.dir.join(names::segment(record.id, record.kind))
    }

    /// Notes bytes that are not what was written.
    pub(super) fn damage(
        &mut self,
        file: &Path,
        offset: u64,
        sequence: Option<Sequence>,
        key: Option<Bytes>,
        what: impl Into<String>,
    ) {
        let file = file.to_path_buf();
        self.report.damage.push(Damage { file, offset, sequence, key, what: what.into() });
    }

    fn advance(&mut self, bytes: u64) {
        self.report.bytes = self.report.bytes.saturating_add(bytes);
        let done_bytes = self.report.bytes.min(self.total_bytes);
        let progress = Progress { done_bytes, total_bytes: self.total_bytes };
        self.stopped |= (self.progress)(progress).is_break();
    }

    fn segment(&mut self, record: &SegmentRecord) -> Result<()> {
        let path = self.path(record);
        self.report.segments += 1;
        let file = match self.subject.disk.open(&path, Access::Read) {
            Ok(file) => file,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                self.damage(&path, 0, None, None, "the file is missing");
                return Ok(());
            }
            Err(e) => return Err(Error::io("open", &path, &e)),
        };
        let length = file.length().map_err(|e| Error::io("read the length of", &path, &e))?;
        self.header(record, &*file, &path)?;
        self.continuity(record, &path);
        if self.stopped {
            return Ok(());
        }
        if let Some(sealed) = record.sealed
            && length < sealed.length
        {
            let what = format!("the file ends here; {} bytes were written", sealed.length);
            self.damage(&path, length, None, None, what);
            if record.kind == SegmentKind::Stream {
                // How long it should be is not known any better than how long it is.
                return Ok(());
            }
        }
        match (record.kind, record.sealed) {
            (SegmentKind::Stream, _) => self.stream(record, &*file, &path),
            (_, Some(sealed)) => self.sealed(record, &*file, &path, sealed.length.min(length)),
            (_, None) => self.active(record, &*file, &path, length),
        }
    }

    /// Whether a log segment begins where the one before it ends. That one may be unreadable or gone: the catalog knows.
    fn continuity(&mut self, record: &SegmentRecord, path: &Path) {
        if record.kind != SegmentKind::Log {
            return;
        }
        let logs = self.subject.catalog.of_kind(SegmentKind::Log);
        let before: Vec<Sealed> =
            logs.rev().filter(|log| log.id < record.id).filter_map(|log| log.sealed).collect();
        let last_frame = before.first().map(|sealed| sealed.last_frame);
        // One without a commit has no last one.
        let last_sequence = before.iter().map(|sealed| sealed.last_sequence).find(|last| last.0 > 0);
        self.last_sequence = last_sequence.unwrap_or_default();
        if let Some(last) = last_frame.filter(|last| record.first_frame != last.next()) {
            let what = format!(
                "begins with frame {}, and the segment before ends with frame {last}: a segment is missing",
                record.first_frame
            );
            let sequence = (self.last_sequence.0 > 0).then(|| self.last_sequence.next());
            self.damage(path, 0, sequence, None, what);
            // How many commits went with it is not known.
            self.last_sequence = Sequence(0);
        }
    }

    fn header(&mut self, record: &SegmentRecord, file: &dyn File, path: &Path) -> Result<()> {
        let mut bytes = [0; segment_header::BYTES];
        let read = file.read_full_at(&mut bytes, 0).map_err(|e| Error::io("read", path, &e))?;
        self.advance(length_u64(read));
        match SegmentHeader::decode(&bytes[..read]) {
            None => self.damage(
                path,
                0,
                None,
                None,
                "the segment's header fails its checksum; the catalog has what it said",
            ),
            Some(header)
                if (header.id, header.nonce, header.store_id)
                    != (record.id, record.nonce, self.subject.store_id) =>
            {
                self.damage(path, 0, None, None, "the file belongs to another store or another segment");
            }
            Some(_) => {}
        }
        Ok(())
    }

    fn frames<'f>(&self, record: &SegmentRecord, file: &'f dyn File, end: u64) -> Frames<FileSource<'f>>
    where
        'a: 'f,
    {
        let source = FileSource::new(file, self.subject.gate);
        Frames { source, nonce: record.nonce, alignment: self.subject.alignment, end }
    }

    /// Frames from the header to `end`, all of which were acknowledged.
    fn sealed(&mut self, record: &SegmentRecord, file: &dyn File, path: &Path, end: u64) -> Result<()> {
        let io = |e| Error::io("read", path, &e);
        let mut frames = self.frames(record, file, end);
        let log = record.kind == SegmentKind::Log;
        let mut number = FrameNumber(record.first_frame.0.saturating_sub(1));
        let mut offset = segment_header::LENGTH;
        while offset < end && !self.stopped {
            let verdict = frames.judge(offset, Depth::Payloads).map_err(io)?;
            let header = match &verdict {
                Verdict::Whole(header) | Verdict::BadPayloads(header, _) | Verdict::BadBody(header) => {
                    *header
                }
                Verdict::NoFrame => {
                    let found = frames.find_header(offset + UNIT).map_err(io)?;
                    let next = found.map_or(end, |(at, _)| at);
                    let after = (log && self.last_sequence.0 > 0).then(|| self.last_sequence.next());
                    let what = format!("no frame can be read in these {} bytes", next - offset);
                    self.damage(path, offset, after, None, what);
                    self.advance(next - offset);
                    if let Some((_, header)) = found {
                        number = FrameNumber(header.number.0 - 1);
                        // How many of the lost frames were commits is not known.
                        self.last_sequence = Sequence(0);
                    }
                    offset = next;
                    continue;
                }
            };
            if header.number != number.next() {
                let what = format!("frame {} stands where frame {} belongs", header.number, number.next());
                self.damage(path, offset, None, None, what);
            }
            number = header.number;
            if header.kind == FrameKind::Commit {
                self.sequence(&header, offset, path);
            }
            self.frame(&mut frames, &verdict, offset, path).map_err(io)?;
            offset += header.frame_length();
        }
        if self.stopped {
            return Ok(());
        }
        if let Some(sealed) = record.sealed
            && number != sealed.last_frame
        {
            let what = format!(
                "the segment ends with frame {number}, and with frame {} when it was sealed",
                sealed.last_frame
            );
            self.damage(path, end, None, None, what);
        }
        Ok(())
    }

    /// Counts a commit, which has to be the one behind the last.
    fn sequence(&mut self, header: &FrameHeader, offset: u64, path: &Path) {
        let next = self.last_sequence.next();
        if self.last_sequence.0 > 0 && header.sequence != next {
            let what = format!("commit {} stands where commit {next} belongs", header.sequence);
            self.damage(path, offset, Some(header.sequence), None, what);
        }
        self.last_sequence = header.sequence;
    }

    /// The active segment: acknowledged frames, then perhaps an unfinished write.
    fn active(&mut self, record: &SegmentRecord, file: &dyn File, path: &Path, length: u64) -> Result<()> {
        let io = |e| Error::io("read", path, &e);
        if let Some(published) = &self.subject.published {
            let end = published.get(&record.id).copied().unwrap_or(segment_header::LENGTH);
            return self.sealed(record, file, path, end);
        }
        let mut frames = self.frames(record, file, length);
        let mut mark = self.subject.catalog.mark;
        let mut number = FrameNumber(record.first_frame.0.saturating_sub(1));
        let mut epoch = 0;
        let mut found = Vec::new();
        let mut offset = segment_header::LENGTH;
        loop {
            let verdict = frames.judge(offset, Depth::Payloads).map_err(io)?;
            let (Verdict::Whole(header) | Verdict::BadPayloads(header, _)) = &verdict else { break };
            if header.number != number.next() || header.epoch < epoch {
                break;
            }
            let next = offset + header.frame_length();
            (number, epoch, mark) = (header.number, header.epoch, mark.max(header.mark));
            found.push((offset, verdict));
            offset = next;
        }
        let mut behind = offset;
        let mut last_seen = offset;
        while let Some((at, header)) = frames.find_header(behind).map_err(io)? {
            mark = mark.max(header.mark);
            last_seen = (at + header.frame_length()).min(length);
            behind = at + UNIT;
        }
        let mut end = segment_header::LENGTH;
        let mut last = FrameNumber(record.first_frame.0.saturating_sub(1));
        for (at, verdict) in found {
            let (Verdict::Whole(header) | Verdict::BadPayloads(header, _)) = &verdict else { continue };
            if header.number > mark && matches!(verdict, Verdict::BadPayloads(..)) {
                break;
            }
            if header.kind == FrameKind::Commit {
                self.sequence(header, at, path);
            }
            (last, end) = (header.number, at + header.frame_length());
            self.frame(&mut frames, &verdict, at, path).map_err(io)?;
            if self.stopped {
                return Ok(());
            }
        }
        if last < mark {
            let lost = mark.0 - last.0;
            let next = last.next();
            let what = match frames.judge(end, Depth::Keys).map_err(io)? {
                Verdict::BadBody(header) if header.number == next => {
                    let fault = frames.body_fault(end, &header).map_err(io)?;
                    format!(
                        "the keys of frame {next} {fault}; {lost} acknowledged frames from here on are hit"
                    )
                }
                _ => format!(
                    "frame {next} was acknowledged and cannot be read; {lost} acknowledged frames from here on are hit"
                ),
            };
            let sequence = (self.last_sequence.0 > 0).then(|| self.last_sequence.next());
            self.damage(path, end, sequence, None, what);
            return Ok(());
        }
        let used = used_end(&mut frames, last_seen.max(end)).map_err(io)?;
        if used > end {
            self.report.torn_tail =
                Some(TornTail { file: path.to_path_buf(), offset: end, bytes: used - end });
        }
        Ok(())
    }

    /// Counts a frame and reports what is wrong with it.
    fn frame(
        &mut self,
        frames: &mut Frames<FileSource<'_>>,
        verdict: &Verdict,
        offset: u64,
        path: &Path,
    ) -> std::io::Result<()> {
        let sequence = |header: &FrameHeader| (header.kind == FrameKind::Commit).then_some(header.sequence);
        let header = match verdict {
            Verdict::NoFrame => return Ok(()),
            Verdict::BadBody(header) => {
                let what =
                    format!("the keys of frame {} {}", header.number, frames.body_fault(offset, header)?);
                self.damage(path, offset, sequence(header), None, what);
                self.advance(header.frame_length());
                return Ok(());
            }
            Verdict::BadPayloads(header, starts) => {
                for &start in starts {
                    let (own_sequence, key, payload) = entry_at(frames, start, self.subject.alignment)?;
                    let what = match &key {
                        Some(key) => format!("the value of {} fails its checksum", escape_key(key)),
                        None => "the value of a hash-only or system entry fails its checksum".to_owned(),
                    };
                    self.damage(path, payload, own_sequence.or(sequence(header)), key, what);
                }
                header
            }
            Verdict::Whole(header) => header,
        };
        let known = self.subject.catalog.epoch;
        if header.epoch > known && !std::mem::replace(&mut self.is_newer, true) {
            let what = format!(
                "frame {} is of epoch {}, and the catalog of epoch {known}: it is an older one",
                header.number, header.epoch
            );
            self.damage(path, offset, sequence(header), None, what);
        }
        self.report.frames += 1;
        self.report.entries += u64::from(header.entries);
        let mut missing = Vec::new();
        if header.kind.has_entries() {
            let streams = &self.streams;
            frames.entries(offset, header, &mut |head, layout| {
                if let Place::External { segment, .. } = head.place
                    && !streams.contains(&segment)
                {
                    missing.push((layout.start, key_of(head), segment));
                }
            })?;
        }
        for (start, key, segment) in missing {
            let what = format!("the value's stream segment {:016x} is not in the catalog", segment.0);
            self.damage(path, start, sequence(header), key, what);
        }
        self.advance(header.frame_length());
        Ok(())
    }

    fn stream(&mut self, record: &SegmentRecord, file: &dyn File, path: &Path) -> Result<()> {
        let io = |e| Error::io("read", path, &e);
        let mut source = FileSource::new(file, self.subject.gate);
        let table_at = align_up(segment_header::LENGTH + record.payload_length, UNIT);
        let chunks = record.payload_length.div_ceil(CHUNK_BYTES);
        let table = source.slice(table_at, chunks * 4).map_err(io)?.to_vec();
        let mut whole = crc32fast::Hasher::new();
        let mut bad_chunks = 0;
        for (index, chunk) in (0..chunks).zip(0usize..) {
            let at = index * CHUNK_BYTES;
            let length = CHUNK_BYTES.min(record.payload_length - at);
            let bytes = source.slice(segment_header::LENGTH + at, length).map_err(io)?;
            let read = length_u64(bytes.len());
            let holds = read == length && chunk_holds(bytes, &table, chunk);
            whole.combine(&crc32fast::Hasher::new_with_initial_len(checksum::plain(bytes), read));
            if !holds {
                bad_chunks += 1;
                self.damage(
                    path,
                    segment_header::LENGTH + at,
                    None,
                    None,
                    "64 KiB of a streamed value fail their checksum",
                );
            }
            self.advance(read);
            if self.stopped {
                return Ok(());
            }
        }
        if bad_chunks == 0 && whole.finalize() != record.payload_checksum {
            self.damage(path, segment_header::LENGTH, None, None, "a streamed value fails its checksum");
        }
        Ok(())
    }
}

fn key_of(head: &EntryHead<'_>) -> Option<Bytes> {
    match head.subject {
        entry::Subject::Key(key) => Some(Bytes::copy_from_slice(key)),
        entry::Subject::Named(full) => full.get(Keyspace::BYTES..).map(Bytes::copy_from_slice),
        entry::Subject::Hash(_) | entry::Subject::NamedHash(..) | entry::Subject::System(_) => None,
    }
}

/// The own sequence, the key and the payload's offset of the entry at `start`.
fn entry_at(
    frames: &mut Frames<FileSource<'_>>,
    start: u64,
    alignment: u64,
) -> std::io::Result<(Option<Sequence>, Option<Bytes>, u64)> {
    let length = entry::HEAD_BYTES_MAX.min(frames.end - start);
    let bytes = frames.source.slice(start, length)?;
    Ok(match EntryHead::decode(bytes, start, alignment) {
        Ok((head, layout)) => (head.moved.map(|moved| moved.sequence), key_of(&head), layout.payload),
        Err(_) => (None, None, start),
    })
}

/// The end of the bytes that are not zero, at least `from`.
fn used_end(frames: &mut Frames<FileSource<'_>>, from: u64) -> std::io::Result<u64> {
    let mut at = frames.end;
    while at > from {
        let start = at.saturating_sub(CHUNK_BYTES).max(from);
        let window = frames.source.slice(start, at - start)?;
        if let Some(used) = window.iter().rposition(|&byte| byte != 0) {
            return Ok(start + length_u64(used) + 1);
        }
        at = start;
    }
    Ok(from)
}

#[cfg(test)]
#[path = "verification_tests.rs"]
mod tests;
