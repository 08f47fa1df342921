//! Commits are found by sequence, place and time, in however many segments they stand and whatever stands between them.

use std::path::Path;
use std::sync::Arc;

use super::{CommitPlace, CommitSearch};
use crate::format::frame::{FrameHeader, FrameKind};
use crate::format::segment_header::{self, SegmentKind};
use crate::log::create::{SegmentPlan, create_segment};
use crate::log::frame_writer::FrameWriter;
use crate::log::segment::Segment;
use crate::log::segment_table::SegmentTable;
use crate::numbers::{FrameNumber, LogOffset, SegmentId, Sequence, Timestamp};
use crate::seams::{Access, Environment};

/// Commits and marks by turns, in three segments of which the second has marks alone: every third frame is a mark. Times are
/// twice the sequence.
struct Log {
    table: SegmentTable,
    /// Segment, offset, log offset and sequence of each commit.
    places: Vec<(SegmentId, u64, LogOffset, Sequence)>,
}

const COMMITS: u64 = 400;

fn log(dir: &Path, note_starts: bool) -> Log {
    let table = SegmentTable::default();
    let (mut places, mut base, mut number, mut sequence) = (Vec::new(), 0, 0, 0);
    for (id, commits) in [(3, COMMITS / 2), (5, 0), (9, COMMITS / 2)] {
        let id = SegmentId(id);
        let length = 1 << 20;
        let first_frame = FrameNumber(number + 1);
        let plan = SegmentPlan {
            kind: SegmentKind::Log,
            id,
            base: LogOffset(base),
            first_frame,
            length,
            least: length,
        };
        let new = create_segment(&Environment::real(), dir, [7; 16], &plan).unwrap();
        let mut writer = FrameWriter::new(new.record.nonce, 8, segment_header::LENGTH);
        let (mut starts, last) = (Vec::new(), sequence + commits);
        for frame in 0.. {
            let is_mark = frame % 3 == 0;
            if !is_mark && sequence == last {
                break;
            }
            number += 1;
            sequence += u64::from(!is_mark);
            let header = FrameHeader {
                keeps_lineages: false,
                kind: if is_mark { FrameKind::Mark } else { FrameKind::Commit },
                entries: 0,
                number: FrameNumber(number),
                sequence: Sequence(if is_mark { 0 } else { sequence }),
                time: Timestamp(sequence * 2),
                mark: FrameNumber(0),
                body_length: 0,
                epoch: 1,
            };
            let start = writer.position();
            starts.push(start);
            if is_mark {
                writer.plain_frame(header, &[]);
            } else {
                places.push((id, start, LogOffset(base + start), Sequence(sequence)));
                writer.frame(header, std::iter::empty(), |_| {});
            }
        }
        writer.write_to(&*new.file).unwrap();
        let segment = Segment::mapped(dir, &new.record, new.map);
        segment.set_end(writer.position());
        base += writer.position();
        if note_starts {
            starts.iter().for_each(|start| segment.frame_starts().note(*start));
        }
        table.change([Arc::new(segment)], &[]);
    }
    Log { table, places }
}

fn named(place: CommitPlace) -> (SegmentId, u64, LogOffset, Sequence) {
    (place.segment, place.offset, place.log_offset, place.header.sequence)
}

#[test]
fn every_commit_is_found_by_sequence_place_and_time() {
    for note_starts in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let log = log(dir.path(), note_starts);
        let search = CommitSearch::new(log.table.held());
        let first_not =
            |is_before: &dyn Fn(&CommitPlace) -> bool| search.first_not(is_before).unwrap().map(named);
        for &place in &log.places {
            let (_, _, at, sequence) = place;
            assert_eq!(first_not(&|found| found.header.sequence < sequence), Some(place));
            assert_eq!(first_not(&|found| found.log_offset < at), Some(place));
            assert_eq!(first_not(&|found| found.header.time < Timestamp(sequence.0 * 2 - 1)), Some(place));
        }
        assert_eq!(first_not(&|_| true), None, "none is behind the last");
        assert_eq!(log.places.len() as u64, COMMITS);
    }
}

#[test]
fn a_walk_goes_from_commit_to_commit_through_all_segments() {
    let dir = tempfile::tempdir().unwrap();
    let log = log(dir.path(), true);
    let search = CommitSearch::new(log.table.held());
    let (mut walked, mut next) = (Vec::new(), search.next_from(SegmentId(0), 77).unwrap());
    while let Some(place) = next {
        walked.push(named(place));
        next = search.next_from(place.segment, place.end()).unwrap();
    }
    assert_eq!(walked, log.places);
    // From a segment that has gone it goes on with the next one.
    log.table.change([], &[SegmentId(3)]);
    let search = CommitSearch::new(log.table.held());
    let found = search.next_from(SegmentId(3), log.places[10].1).unwrap().map(named);
    assert_eq!(found, Some(log.places[log.places.len() / 2]));
    assert_eq!(search.first_not(|_| false).unwrap().map(named), found, "the first one that is left");
}

#[test]
fn f03_a_damaged_header_hides_none_but_the_few_commits_behind_it() {
    let dir = tempfile::tempdir().unwrap();
    let log = log(dir.path(), true);
    let (id, damaged, ..) = log.places[100];
    let path = log.table.get(id).unwrap().path.clone();
    Environment::real().disk.open(&path, Access::Write).unwrap().write_all_at(&[0xee; 16], damaged).unwrap();
    let search = CommitSearch::new(log.table.held());
    let mut hidden = 0;
    for &(_, offset, _, sequence) in &log.places {
        match search.first_not(|found| found.header.sequence < sequence) {
            Ok(found) => assert_eq!(found.map(|found| found.header.sequence), Some(sequence)),
            Err(error) => {
                assert!((damaged..damaged + 2 * 4096).contains(&offset), "{error}");
                hidden += 1;
            }
        }
    }
    assert!((1..100).contains(&hidden), "{hidden} commits cannot be found");
}
