//! Segments come and go, and addresses that were read before that are not taken for others.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Weak};

use super::{SegmentTable, Table};
use crate::address::SLOTS;
use crate::format::catalog::SegmentRecord;
use crate::format::segment_header::SegmentKind;
use crate::log::segment::Segment;
use crate::numbers::{FrameNumber, LogOffset, SegmentId};
use crate::seams::Environment;

/// A segment that nobody reads.
fn segment(environment: &Environment, id: u64) -> Arc<Segment> {
    let record = SegmentRecord {
        id: SegmentId(id),
        kind: SegmentKind::Stream,
        nonce: Default::default(),
        base: LogOffset(0),
        first_frame: FrameNumber(0),
        sealed: None,
        payload_checksum: 0,
        payload_length: 0,
    };
    Arc::new(Segment::stream(Path::new(""), &record, Arc::clone(&environment.disk), Weak::new()))
}

#[test]
fn a_segment_stays_in_its_slot_while_others_come_and_go() {
    let environment = Environment::real();
    let table = SegmentTable::default();
    let kept = segment(&environment, 1);
    table.change([Arc::clone(&kept)], &[]);
    let slot = kept.slot();
    for id in 2..100 {
        let before = (id > 2).then_some(SegmentId(id - 1));
        table.change([segment(&environment, id)], before.as_slice());
        assert_eq!(kept.slot(), slot);
        let now = table.now();
        let there = now.in_slot(usize::try_from(slot).unwrap()).expect("it was not removed");
        assert!(Arc::ptr_eq(there, &kept));
    }
    assert_eq!(table.all().iter().map(|segment| segment.id.0).collect::<Vec<_>>(), [1, 99]);
    assert!(table.get(SegmentId(50)).is_none());
}

#[test]
fn a_segment_with_a_longer_map_takes_the_slot_of_the_one_before() {
    let environment = Environment::real();
    let table = SegmentTable::default();
    table.change([segment(&environment, 1), segment(&environment, 2)], &[]);
    let before = table.get(SegmentId(1)).unwrap();
    let again = segment(&environment, 1);
    table.change([Arc::clone(&again)], &[]);
    assert_eq!(again.slot(), before.slot());
    assert!(Arc::ptr_eq(&table.get(SegmentId(1)).unwrap(), &again));
    assert_eq!(table.all().len(), 2);
}

/// A reader that was held up holds the address of an entry whose segment has gone. It has to find nothing there, not another
/// segment.
#[test]
fn f12_a_slot_is_not_given_out_again_before_all_others_were() {
    let environment = Environment::real();
    let mut table = Table::default();
    let kept = segment(&environment, 0);
    table.insert(Arc::clone(&kept));
    let mut given = BTreeSet::from([kept.slot()]);
    for id in 1..u64::from(SLOTS) {
        let next = segment(&environment, id);
        table.insert(Arc::clone(&next));
        assert!(given.insert(next.slot()), "slot {} was given out {id} segments ago at most", next.slot());
        table.remove(next.id);
        assert!(table.in_slot(usize::try_from(next.slot()).unwrap()).is_none());
    }
    // All were given out once. The next one begins anew, behind the one that is taken.
    let again = segment(&environment, u64::from(SLOTS));
    table.insert(Arc::clone(&again));
    assert_ne!(again.slot(), kept.slot());
    assert!(Arc::ptr_eq(table.in_slot(usize::try_from(kept.slot()).unwrap()).unwrap(), &kept));
}
