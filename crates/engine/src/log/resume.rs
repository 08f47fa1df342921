//! From what was recovered to a log that takes frames: the steps of a writable open that change the disk.
//!
//! Order (`docs/format.md` §8): new epoch in both catalog copies; frames that may not be on the disk written again into a new
//! segment; its sync; the catalog that seals the old segment and lists the new one; only then is anything removed.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::checkpoint_file;
use super::create::{NewSegment, discard};
use super::failure::Failure;
use super::frame_writer::{Buffers, Draft, DraftSubject, DraftValue, FrameWriter, PayloadBytes};
use super::recovery::{ActiveTail, LogState, Recovered, Replay};
use super::reserve::Room;
use super::scan::{Depth, Frames, Verdict};
use super::segment::Segment;
use super::writer::{Active, LogWriter, PAGE_BYTES, Shared, activate, new_log_segment};
use crate::error::{Error, ErrorKind, Result};
use crate::format::catalog::{Catalog, Sealed};
use crate::format::entry::{EntryHead, Layout, Place};
use crate::format::frame::{FrameHeader, FrameKind};
use crate::format::names;
use crate::format::segment_header::{self, SegmentKind};
use crate::format::{NUMBERS_END, align_up};
use crate::numbers::{FrameNumber, LogOffset};
use crate::planted::{Bug, planted};
use crate::seams::{Access, Map};
use crate::value::Value;

/// Makes the recovered log writable.
pub(crate) fn resume(shared: Shared, recovered: Recovered, replay: &mut dyn Replay) -> Result<LogWriter> {
    let closed = recovered.catalog.closed;
    let epoch = recovered.catalog.epoch.checked_add(1).ok_or_else(|| {
        let text = format!(
            "{} was opened for writing 2^32 times, as often as its format can count; `pentad repair` copies it into a new store",
            shared.dir.display()
        );
        Error::new(ErrorKind::LimitExceeded, text)
    })?;
    let epoch = if planted(Bug::ReusedEpoch) { recovered.catalog.epoch.max(1) } else { epoch };
    next_segment_id(&shared)?;
    let new_epoch = |catalog: &mut Catalog| {
        catalog.epoch = epoch;
        catalog.closed = false;
        catalog.active_end = 0;
    };
    shared.reserve.relieve(|_| shared.catalog.update(new_epoch)).map_err(Failure::into_error)?;

    let state = recovered.state;
    let writer = match recovered.active {
        Some(tail) if closed && tail.undecided.is_empty() && tail.torn_bytes == 0 => {
            let active = continue_segment(&shared, tail)?;
            LogWriter {
                shared,
                active,
                epoch,
                state,
                written_mark: state.mark,
                syncs: 0,
                buffers: Buffers::default(),
            }
        }
        Some(tail) => replace_segment(shared, &tail, epoch, replay)?,
        None => {
            let base = log_end(&shared);
            let new = new_segment(&shared, base, state.last_frame.next(), 0)?;
            list(shared, new, state, epoch, None)?
        }
    };
    remove_orphans(&writer.shared)?;
    writer.shared.reserve.hold();
    Ok(writer)
}

/// Sets the next id above that of every file in the directory, named by the catalog or not.
fn next_segment_id(shared: &Shared) -> Result<()> {
    let mut next = shared.catalog.current().next_segment.0;
    let checkpoints = checkpoint_file::list(&*shared.environment.disk, &shared.dir)?;
    let checkpoints = checkpoints.into_iter().map(|(id, _)| (id.0, names::checkpoint(id)));
    for (id, name) in segment_files(shared)?.into_iter().chain(checkpoints) {
        if id >= NUMBERS_END / 2 {
            let path = shared.dir.join(name);
            let text = format!("{} has a number that no store reaches; move it away", path.display());
            return Err(Error::new(ErrorKind::Damaged, text));
        }
        next = next.max(id + 1);
    }
    shared.next_segment.store(next, Ordering::Relaxed);
    Ok(())
}

fn segment_files(shared: &Shared) -> Result<Vec<(u64, String)>> {
    let listed = shared.environment.disk.list(&shared.dir).map_err(|e| Error::io("list", &shared.dir, &e))?;
    Ok(listed
        .into_iter()
        .filter_map(|name| name.into_string().ok())
        .filter_map(|name| names::parse_segment(&name).map(|(id, _)| (id.0, name)))
        .collect())
}

/// The log offset behind all log segments.
fn log_end(shared: &Shared) -> LogOffset {
    let catalog = shared.catalog.current();
    let ends =
        catalog.of_kind(SegmentKind::Log).map(|s| s.base.0 + s.sealed.map_or(0, |sealed| sealed.length));
    LogOffset(ends.max().unwrap_or(0))
}

/// Goes on in a segment that was closed in order.
fn continue_segment(shared: &Shared, tail: ActiveTail) -> Result<Active> {
    let segment = tail.segment;
    let path = &segment.path;
    let disk = &shared.environment.disk;
    let file = disk.open(path, Access::Write).map_err(|e| Error::io("open", path, &e))?;
    // What an earlier process gave up comes back before more of the disk is used.
    shared.reserve.hold();
    let wanted = align_up(tail.end.max(shared.segment_bytes), PAGE_BYTES);
    let capacity = match file.allocate(wanted) {
        Ok(()) => wanted,
        // A full disk must not keep a store from being opened: what is there is all the room there is.
        Err(e) if e.kind() == std::io::ErrorKind::StorageFull => tail.end,
        Err(e) => return Err(Error::io("reserve space in", path, &e)),
    };
    let map = file.map(capacity).map_err(|e| Error::io("map", path, &e))?;
    let segment = Arc::new(segment.remapped(map));
    shared.segments.change([Arc::clone(&segment)], &[]);
    Ok(Active { segment, file, capacity, tail: tail.end, reserved: false })
}

/// Seals a segment that was not closed in order at its last durable frame, and writes what followed into a new one.
fn replace_segment(
    shared: Shared,
    tail: &ActiveTail,
    epoch: u32,
    replay: &mut dyn Replay,
) -> Result<LogWriter> {
    let old = &tail.segment;
    let undecided = tail.end - tail.durable_end;
    let base = LogOffset(old.base.0 + tail.durable_end);
    // Padding can differ by place: each frame and entry may take one alignment more.
    let count: u64 = tail.undecided.iter().map(|(_, header)| 1 + u64::from(header.entries)).sum();
    let bytes = undecided + count * shared.identity.alignment.bytes();
    let new = new_segment(&shared, base, tail.durable.last_frame.next(), bytes)?;

    let mut state = tail.durable;
    let end = rewrite(&shared, tail, &new.0, epoch, &mut state)?;
    if planted(Bug::OrphanRemovedTooEarly) {
        discard(&shared.environment.disk, &old.path);
    }
    let mut writer = list(shared, new, state, epoch, Some(tail))?;
    writer.active.tail = end;
    show_rewritten(&writer, replay)?;
    if tail.durable_end > segment_header::LENGTH {
        let cut = || {
            let file = writer.shared.environment.disk.open(&old.path, Access::Write)?;
            file.set_length(tail.durable_end)
        };
        cut().map_err(|e| Error::io("cut the end of", &old.path, &e))?;
    }
    Ok(writer)
}

/// Writes the undecided frames into `new` and syncs them; returns where they end.
fn rewrite(
    shared: &Shared,
    tail: &ActiveTail,
    new: &NewSegment,
    epoch: u32,
    state: &mut LogState,
) -> Result<u64> {
    let path = shared.dir.join(names::segment(new.record.id, new.record.kind));
    let alignment = shared.identity.alignment.bytes();
    let map = tail.segment.map()?;
    let mut frames = Frames::up_to(&tail.segment, &map, alignment, tail.end);
    let read = |e| Error::io("read", &tail.segment.path, &e);
    let mut entries = Vec::with_capacity(tail.undecided.len());
    for (offset, header) in &tail.undecided {
        let mut drafts = Vec::new();
        if header.kind.has_entries() {
            let mut draft = |head: &EntryHead<'_>, layout: &Layout| drafts.push(draft_of(head, layout, &map));
            frames.entries(*offset, header, &mut draft).map_err(read)?;
        }
        entries.push(drafts);
    }
    let mut writer = FrameWriter::new(new.record.nonce, alignment, segment_header::LENGTH);
    for ((offset, header), drafts) in tail.undecided.iter().zip(&entries) {
        let again = FrameHeader { epoch, mark: tail.durable.mark, body_length: 0, ..*header };
        match header.kind {
            kind if kind.has_number() => {
                let number = frames.number(*offset).map_err(read)?;
                if kind == FrameKind::Floor {
                    state.floor.0 = state.floor.0.max(number);
                }
                writer.plain_frame(again, &number.to_le_bytes());
            }
            kind if kind.has_entries() => {
                writer.frame(again, drafts.iter().map(Draft::entry), |_| {});
            }
            _ => writer.plain_frame(again, &[]),
        }
        state.last_frame = header.number;
        state.last_sequence = state.last_sequence.max(header.sequence);
        state.time = state.time.max(header.time);
    }
    writer.write_to(&*new.file).map_err(|e| Error::io("write to", &path, &e))?;
    if !tail.undecided.is_empty() && !planted(Bug::NoSyncAfterRecovery) {
        new.file.sync_whole().map_err(|e| Error::io("sync", &path, &e))?;
    }
    state.mark = state.last_frame;
    Ok(writer.position())
}

/// An entry of a map as it is to be written again.
pub(crate) fn draft_of(head: &EntryHead<'_>, layout: &Layout, map: &Map) -> Draft {
    let subject = DraftSubject::from(head.subject);
    let value = match head.place {
        Place::None => DraftValue::Tombstone,
        Place::Inline { length, .. } => {
            DraftValue::Inline(PayloadBytes::Mapped(Value::new(map.clone(), layout.payload, length)))
        }
        Place::External { segment, length, checksum } => DraftValue::External { segment, length, checksum },
    };
    Draft { subject, value, deadline: head.deadline, moved: head.moved, lineage: head.lineage }
}

/// Makes the file of the segment to go on in, out of the reserve if need be.
fn new_segment(
    shared: &Shared,
    base: LogOffset,
    first_frame: FrameNumber,
    bytes: u64,
) -> Result<(NewSegment, Room)> {
    let made = |room| Ok((new_log_segment(shared, base, first_frame, bytes, room)?, room));
    shared.reserve.relieve(made).map_err(Failure::into_error)
}

/// Puts the new segment into the catalog and, if there was an active one, seals or drops it.
fn list(
    shared: Shared,
    (new, room): (NewSegment, Room),
    state: LogState,
    epoch: u32,
    tail: Option<&ActiveTail>,
) -> Result<LogWriter> {
    let record = new.record.clone();
    let path = shared.dir.join(names::segment(record.id, record.kind));
    let last_durable = tail.map_or(FrameNumber(0), |tail| tail.durable.last_frame);
    let change = |catalog: &mut Catalog| {
        if let Some(tail) = tail {
            if tail.durable_end > segment_header::LENGTH {
                if let Some(old) = catalog.record_mut(tail.segment.id) {
                    old.sealed = Some(Sealed {
                        length: tail.durable_end,
                        last_frame: last_durable,
                        last_sequence: tail.durable.last_sequence,
                    });
                }
            } else {
                catalog.segments.retain(|segment| segment.id != tail.segment.id);
            }
        }
        catalog.last_frame = state.last_frame;
        catalog.last_sequence = state.last_sequence;
        catalog.time = state.time;
        catalog.mark = state.mark;
        catalog.floor = catalog.floor.max(state.floor);
        if catalog.history.0 == 0 {
            catalog.history = state.last_sequence.next();
        }
        catalog.add(record.clone());
    };
    let listed = shared.reserve.relieve(|_| shared.catalog.update(change));
    if let Err(failure) = listed {
        // After a failure in the middle one copy may name the segment.
        if matches!(failure, Failure::Refused(_)) {
            discard(&shared.environment.disk, &path);
        }
        return Err(failure.into_error());
    }
    if let Some(tail) = tail
        && tail.durable_end == segment_header::LENGTH
    {
        shared.segments.change([], &[tail.segment.id]);
    }
    let active = activate(&shared, new, room);
    Ok(LogWriter {
        shared,
        active,
        epoch,
        state,
        written_mark: state.mark,
        syncs: 0,
        buffers: Buffers::default(),
    })
}

/// Reads back what was rewritten, which checks it, and shows it.
fn show_rewritten(writer: &LogWriter, replay: &mut dyn Replay) -> Result<()> {
    let segment: &Arc<Segment> = &writer.active.segment;
    let end = writer.active.tail;
    let map = segment.map()?;
    let mut frames = Frames::up_to(segment, &map, writer.shared.identity.alignment.bytes(), end);
    let io = |e| Error::io("read", &segment.path, &e);
    let mut offset = segment_header::LENGTH;
    while offset < end {
        let Verdict::Whole(header) = frames.judge(offset, Depth::Payloads).map_err(io)? else {
            return Err(Error::damaged(
                &segment.path,
                offset,
                "a frame that was just rewritten cannot be read back",
            ));
        };
        replay.frame(segment, offset, &header);
        if header.kind.has_number() {
            replay.number(segment, header.kind, frames.number(offset).map_err(io)?);
        }
        frames
            .entries(offset, &header, &mut |head, layout| replay.entry(segment, head, layout))
            .map_err(io)?;
        segment.raise_last_sequence(header.sequence.0);
        offset += header.frame_length();
    }
    segment.set_end(end);
    Ok(())
}

/// Removes segment files that the catalog does not name, and temporary files.
fn remove_orphans(shared: &Shared) -> Result<()> {
    let disk = &shared.environment.disk;
    let known: Vec<u64> = shared.catalog.current().segments.iter().map(|segment| segment.id.0).collect();
    let orphans =
        segment_files(shared)?.into_iter().filter(|(id, _)| !known.contains(id)).map(|(_, name)| name);
    let temporary = names::CATALOGS_NEW
        .iter()
        .chain([&names::IDENTITY_NEW, &names::CREATING, &names::CHECKPOINT_NEW])
        .map(|&name| name.to_owned());
    for name in orphans.chain(temporary) {
        let path = shared.dir.join(name);
        match disk.remove_file(&path) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(Error::io("remove", &path, &e)),
            _ => {}
        }
    }
    Ok(())
}
