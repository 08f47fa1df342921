//! Heads and tables of checkpoints, damaged everywhere.

use super::{CHUNK_MAX, Chunk, CoveredSegment, HEAD_BYTES, Head, Section, SectionKind, Table};
use crate::numbers::{FrameNumber, SegmentId, Sequence, Timestamp};

fn table() -> Table {
    let segment = |id, slot, streams: &[u64]| CoveredSegment {
        id: SegmentId(id),
        nonce: [7; 16],
        slot,
        end: 4096,
        live_bytes: 100,
        hiding_bytes: 7,
        last_sequence: 9,
        starts: 2,
        streams: streams.iter().copied().map(SegmentId).collect(),
    };
    let section = |kind, offset, lengths: &[u32]| Section {
        kind,
        offset,
        length: lengths.iter().map(|length| u64::from(*length)).sum(),
        shape: [1, 2, 3],
        chunks: lengths.iter().map(|length| Chunk { length: *length, sum: 5 }).collect(),
    };
    Table {
        segments: vec![segment(3, 1, &[4, 5]), segment(6, 0, &[])],
        sections: vec![
            section(SectionKind::Slots, 256, &[100, 28]),
            section(SectionKind::KeyRun, 384, &[64]),
        ],
    }
}

fn head() -> Head {
    Head {
        table_at: 448,
        generation: 11,
        frame: FrameNumber(12),
        sequence: Sequence(10),
        time: Timestamp(u64::MAX),
        epoch: 4,
        floor: Sequence(2),
        end: (SegmentId(6), 4096),
        mark: FrameNumber(13),
        slots: (2, 5),
        live: 4,
        next_slot: 2,
        ..Head::new([9; 16], SegmentId(8))
    }
}

#[test]
fn f04_every_flipped_bit_is_noticed() {
    let (head, bytes) = head().seal(&table());
    let good = head.encode();
    assert_eq!(Head::decode(&good), Some(head.clone()));
    assert_eq!(head.table(&bytes), Some(table()));
    assert_eq!(Head::decode(&good[..HEAD_BYTES - 1]), None);
    for bit in 0..good.len() * 8 {
        let mut bad = good;
        bad[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(Head::decode(&bad), None, "bit {bit} of the head");
    }
    for bit in 0..bytes.len() * 8 {
        let mut bad = bytes.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(head.table(&bad), None, "bit {bit} of the table");
    }
}

#[test]
fn f04_a_table_that_leads_out_of_its_file_is_none() {
    let spoiled: [fn(&mut Table); 9] = [
        |table| table.sections[0].offset = 192,
        |table| table.sections[0].offset = 257,
        |table| table.sections[1].offset = 320,
        |table| table.sections[1].offset = u64::MAX - 63,
        |table| table.sections[1].length = 128,
        |table| table.sections[1].chunks[0].length = 63,
        |table| table.segments[0].slot = 0,
        |table| table.segments[1].id = SegmentId(3),
        |table| table.segments[1].end = u64::MAX,
    ];
    for (number, spoil) in spoiled.iter().enumerate() {
        let mut table = table();
        spoil(&mut table);
        let (head, bytes) = head().seal(&table);
        assert_eq!(head.table(&bytes), None, "number {number}");
    }
    let mut long = table();
    let length = u32::try_from(CHUNK_MAX + 64).unwrap();
    long.sections[1].chunks[0].length = length;
    long.sections[1].length = u64::from(length);
    let (head, bytes) = Head { table_at: 1 << 20, ..head() }.seal(&long);
    assert_eq!(head.table(&bytes), None, "a chunk that is too long");
}

#[test]
fn a_head_that_covers_more_than_was_durable_is_none() {
    let (head, _) = Head { mark: FrameNumber(11), ..head() }.seal(&table());
    assert_eq!(Head::decode(&head.encode()), None);
}
