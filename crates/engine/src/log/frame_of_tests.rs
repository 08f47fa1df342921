//! Every entry of a segment is led back to its frame, from whichever starts of frames are remembered.

use std::path::Path;

use super::{frame_of, sequence_at};
use crate::format::entry::Moved;
use crate::format::frame::{FrameHeader, FrameKind};
use crate::format::segment_header::{self, SegmentKind};
use crate::log::create::{SegmentPlan, create_segment};
use crate::log::frame_starts::SPACING;
use crate::log::frame_writer::{Draft, DraftSubject, DraftValue, FrameWriter, Standing};
use crate::log::segment::Segment;
use crate::numbers::{FrameNumber, LogOffset, SegmentId, Sequence, Timestamp};
use crate::seams::{Access, Environment};

const ALIGNMENT: u64 = 8;

/// A segment with `frames` frames, the n-th with n % 7 + 1 entries and the sequence n, and where all of that stands.
fn written(dir: &Path, frames: u64, moved: Option<Moved>) -> (Segment, Vec<(u64, Vec<Standing>)>) {
    let length = 1 << 20;
    let plan = SegmentPlan {
        kind: SegmentKind::Log,
        id: SegmentId(1),
        base: LogOffset(0),
        first_frame: FrameNumber(1),
        length,
        least: length,
    };
    let new = create_segment(&Environment::real(), dir, [7; 16], &plan).unwrap();
    let draft = |number: u64, entry: u64| Draft {
        lineage: None,
        subject: DraftSubject::Key(format!("key {number} {entry}").into_bytes().into()),
        value: DraftValue::Tombstone,
        deadline: None,
        moved,
    };
    let drafts: Vec<Vec<Draft>> =
        (1..=frames).map(|number| (0..=number % 7).map(|entry| draft(number, entry)).collect()).collect();
    let mut writer = FrameWriter::new(new.record.nonce, ALIGNMENT, segment_header::LENGTH);
    let mut places = Vec::new();
    for (number, drafts) in (1..).zip(&drafts) {
        let header = FrameHeader {
            keeps_lineages: false,
            kind: FrameKind::Commit,
            entries: 0,
            number: FrameNumber(number),
            sequence: Sequence(number),
            time: Timestamp(number),
            mark: FrameNumber(0),
            body_length: 0,
            epoch: 1,
        };
        let start = writer.position();
        let mut standing = Vec::new();
        writer.frame(header, drafts.iter().map(Draft::entry), |place| standing.push(place));
        places.push((start, standing));
    }
    writer.write_to(&*new.file).unwrap();
    let segment = Segment::mapped(dir, &new.record, new.map);
    segment.set_end(writer.position());
    (segment, places)
}

fn check(segment: &Segment, places: &[(u64, Vec<Standing>)]) {
    for ((_, layouts), sequence) in places.iter().zip(1..) {
        for (layout, ordinal) in layouts.iter().zip(0..) {
            let found = frame_of(segment, ALIGNMENT, layout.start).unwrap().expect("an entry starts here");
            assert_eq!((found.header.sequence, found.ordinal), (Sequence(sequence), ordinal));
            assert_eq!(sequence_at(segment, ALIGNMENT, layout.start), Some(Sequence(sequence)));
            assert!(
                frame_of(segment, ALIGNMENT, layout.start + 8).unwrap().is_none(),
                "no entry starts here"
            );
        }
    }
}

#[test]
fn every_entry_is_led_back_to_its_frame_whichever_starts_are_remembered() {
    let dir = tempfile::tempdir().unwrap();
    let (segment, places) = written(dir.path(), 300, None);
    assert!(segment.end() > 5 * SPACING, "{} bytes are few starts", segment.end());
    // None at first; then those of the first half, as of a segment that was remapped; then all.
    check(&segment, &places);
    places[..150].iter().for_each(|(start, _)| segment.frame_starts().note(*start));
    check(&segment, &places);
    places[150..].iter().for_each(|(start, _)| segment.frame_starts().note(*start));
    check(&segment, &places);
    assert!(frame_of(&segment, ALIGNMENT, segment.end()).unwrap().is_none(), "behind the end");
}

#[test]
fn the_starts_that_are_remembered_are_as_far_apart_as_they_should_be() {
    let dir = tempfile::tempdir().unwrap();
    let (segment, places) = written(dir.path(), 300, None);
    places.iter().for_each(|(start, _)| segment.frame_starts().note(*start));
    for (start, layouts) in &places {
        let before = segment.frame_starts().before(layouts[0].start);
        assert!(before <= *start, "the frame at {start} is looked for from {before} on");
        assert!(start - before < 2 * SPACING, "the walk to {start} begins at {before}");
        assert!(places.iter().any(|(start, _)| *start == before), "no frame starts at {before}");
    }
    let most = segment.end() / SPACING + 1;
    assert!(segment.frame_starts().memory_bytes() <= 2 * 12 * most.next_power_of_two());
}

#[test]
fn f03_a_frame_behind_a_damaged_header_is_found_only_from_a_start_behind_it() {
    let dir = tempfile::tempdir().unwrap();
    let (segment, places) = written(dir.path(), 300, None);
    let damaged = places[100].0;
    let file = Environment::real().disk.open(&segment.path, Access::Write).unwrap();
    file.write_all_at(&[0xee; 16], damaged).unwrap();
    let last = places[299].1[0].start;
    assert!(frame_of(&segment, ALIGNMENT, places[99].1[0].start).unwrap().is_some());
    assert!(frame_of(&segment, ALIGNMENT, places[100].1[0].start).unwrap().is_none());
    assert!(frame_of(&segment, ALIGNMENT, last).unwrap().is_none());
    assert_eq!(sequence_at(&segment, ALIGNMENT, last), None);
    segment.frame_starts().note(places[200].0);
    assert_eq!(sequence_at(&segment, ALIGNMENT, last), Some(Sequence(300)));
}

#[test]
fn an_entry_that_was_moved_says_itself_which_commit_wrote_it() {
    let dir = tempfile::tempdir().unwrap();
    let moved = Moved { sequence: Sequence(77), time: Timestamp(7), ordinal: 7 };
    let (segment, places) = written(dir.path(), 3, Some(moved));
    for (_, layouts) in &places {
        assert_eq!(sequence_at(&segment, ALIGNMENT, layouts[0].start), Some(Sequence(77)));
    }
}
