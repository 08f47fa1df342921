//! Entries: round trips, sizes, and what is refused.

use proptest::prelude::{Just, Strategy, any, prop_assert_eq, prop_oneof, proptest};

use super::{EntryFault, EntryHead, Lineage, Moved, Place, Plain, Subject};
use crate::format::NUMBERS_END;
use crate::format::bytes::{array_at, u64_at};
use crate::numbers::{SegmentId, Sequence, Timestamp};

fn place() -> impl Strategy<Value = Place> {
    prop_oneof![
        Just(Place::None),
        (0u64..3 << 20, any::<u32>()).prop_map(|(length, checksum)| Place::Inline { length, checksum }),
        (0..NUMBERS_END, 0..NUMBERS_END, any::<u32>()).prop_map(|(id, length, checksum)| Place::External {
            segment: SegmentId(id),
            length,
            checksum
        }),
    ]
}

proptest! {
    #[test]
    fn heads_round_trip(
        key in proptest::collection::vec(any::<u8>(), 0..300),
        hash in proptest::option::of(any::<u64>()),
        place in place(),
        deadline in proptest::option::of(any::<u64>()),
        moved in proptest::option::of((0..NUMBERS_END, any::<u64>(), any::<u32>())),
        lineage in proptest::option::of((1..NUMBERS_END, 1..=u32::MAX)),
        start in (16u64..10_000).prop_map(|n| n * 8),
        wide in any::<bool>(),
    ) {
        let alignment = if wide { 64 } else { 8 };
        let head = EntryHead {
            subject: hash.map_or(Subject::Key(&key), Subject::Hash),
            place,
            deadline: deadline.filter(|_| place != Place::None).map(Timestamp),
            moved: moved.map(|(s, t, ordinal)| Moved { sequence: Sequence(s), time: Timestamp(t), ordinal }),
            // An entry that was moved always has one, and a tombstone none that means anything.
            lineage: match lineage.filter(|_| place != Place::None) {
                None => moved.map(|_| Lineage::UNKNOWN),
                Some((created, versions)) => Some(Lineage { created: Sequence(created), versions }),
            },
        };
        let mut bytes = Vec::new();
        head.encode(&mut bytes);
        prop_assert_eq!(bytes.len() as u64, head.head_length());
        let layout = head.layout(start, alignment);
        prop_assert_eq!(EntryHead::decode(&bytes, start, alignment), Ok((head, layout)));
        // The quick decoder knows values under keys that are in one piece, and says the same of them.
        let chunked = layout.table.is_some();
        let is_plain = hash.is_none() && deadline.is_none() && !chunked && matches!(place, Place::Inline { .. });
        let plain = Plain::decode(&bytes, start, alignment);
        prop_assert_eq!(plain.is_some(), is_plain);
        if let Some(plain) = plain {
            let key_at = usize::try_from(plain.key - start).unwrap();
            let length = usize::try_from(plain.key_length).unwrap();
            prop_assert_eq!(&bytes[key_at..key_at + length], &key[..]);
            prop_assert_eq!((plain.payload, plain.payload_length), (layout.payload, layout.payload_length));
            prop_assert_eq!(plain.layout(start), layout);
            let first = Plain::decode_first(&bytes, start, alignment);
            prop_assert_eq!(first, Some(plain).filter(|_| head.lineage.is_none()));
            let checksum = plain.checksum;
            prop_assert_eq!(Place::Inline { length: plain.payload_length, checksum }, place);
            let sequence = plain.sequence.map(|at| u64_at(&bytes, usize::try_from(at - start).unwrap()));
            prop_assert_eq!(sequence, moved.map(|(sequence, ..)| sequence));
            let lineage = plain.lineage.map(|at| array_at(&bytes, usize::try_from(at - start).unwrap()));
            prop_assert_eq!(lineage.and_then(|bytes| Lineage::decode(&bytes)), head.lineage);
        }
        if layout.payload_length > 0 {
            prop_assert_eq!(layout.payload % alignment, 0);
        }
        prop_assert_eq!(layout.end % 8, 0);
        prop_assert_eq!(EntryHead::decode(&bytes[..bytes.len() - 1], start, alignment), Err(EntryFault::Short));
    }

    #[test]
    fn f14_arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
        if let Ok((head, layout)) = EntryHead::decode(&bytes, 128, 8) {
            prop_assert_eq!(head.layout(128, 8), layout);
        }
    }
}

#[test]
fn a_short_entry_costs_twelve_bytes() {
    let head = EntryHead {
        subject: Subject::Key(b"0123456789abcdef"),
        place: Place::Inline { length: 100, checksum: 1 },
        deadline: None,
        moved: None,
        lineage: None,
    };
    assert_eq!(head.head_length(), 12 + 16);
    assert_eq!(head.layout(128, 8).end - 128, 136, "28 and 4 of padding, 100 and 4");
    let again = EntryHead { lineage: Some(Lineage::first(Sequence(1)).next()), ..head };
    assert_eq!(again.head_length(), 24 + 16);
    assert_eq!(again.layout(128, 8).end - 128, 144, "40, 100 and 4");
}

/// A moved entry with the last sequence there is made a store open at that sequence, and the next commit panicked. Found by
/// fuzzing.
#[test]
fn f15_an_entry_with_a_number_that_no_store_reaches_is_malformed() {
    let sound = EntryHead {
        subject: Subject::Key(b"key"),
        place: Place::External { segment: SegmentId(2), length: 3, checksum: 4 },
        deadline: None,
        moved: Some(Moved { sequence: Sequence(5), time: Timestamp(u64::MAX), ordinal: 6 }),
        lineage: Some(Lineage::first(Sequence(4))),
    };
    let decoded = |head: EntryHead<'_>| {
        let mut bytes = Vec::new();
        head.encode(&mut bytes);
        EntryHead::decode(&bytes, 128, 8).map(|_| ())
    };
    assert_eq!(decoded(sound), Ok(()));
    let late = Moved { sequence: Sequence(NUMBERS_END), time: Timestamp(0), ordinal: 0 };
    let lineage = |created, versions| Some(Lineage { created: Sequence(created), versions });
    let unmoved = EntryHead { moved: None, ..sound };
    assert_eq!(decoded(unmoved), Ok(()));
    let far = |segment, length| Place::External { segment: SegmentId(segment), length, checksum: 4 };
    for head in [
        EntryHead { moved: Some(late), ..sound },
        EntryHead { place: far(NUMBERS_END, 3), ..sound },
        EntryHead { lineage: lineage(NUMBERS_END, 1), ..sound },
        EntryHead { lineage: lineage(0, 1), ..unmoved },
        EntryHead { lineage: lineage(1, 0), ..unmoved },
        EntryHead { place: Place::None, ..unmoved },
        EntryHead {
            subject: Subject::System(b"key"),
            place: Place::Inline { length: 1, checksum: 1 },
            ..unmoved
        },
        EntryHead { place: far(2, NUMBERS_END), ..sound },
    ] {
        assert_eq!(decoded(head), Err(EntryFault::Malformed), "{head:?}");
    }
}
