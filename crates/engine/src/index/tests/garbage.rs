//! The queue of what waits to be dropped.

use crate::address::Address;
use crate::index::deadlines::Deadline;
use crate::index::garbage::{Garbage, Waste};
use crate::index::{Born, Version, VersionKind, View};
use crate::numbers::{LogOffset, Sequence, Timestamp};

fn version(address: u64, bytes: u64) -> Version {
    let kind = VersionKind::Value { deadline: None };
    Version { address: Address::new(address), bytes, kind, born: Born::At(LogOffset(0)) }
}

fn horizon(sequence: u64, tail: u64) -> View {
    View { sequence: Sequence(sequence), tail: LogOffset(tail), time: Timestamp(0) }
}

fn named(name: u64) -> Deadline {
    Deadline { at: Timestamp(5), hash: name }
}

#[test]
fn what_waits_is_taken_in_slices_up_to_the_end_of_the_oldest_view() {
    let mut garbage = Garbage::default();
    for place in 1..=10 {
        garbage.push(LogOffset(place * 10), Waste::Older(version(place, place)));
    }
    let take = |garbage: &mut Garbage, tail, limit| garbage.take(horizon(0, tail), limit).len();
    assert_eq!(take(&mut garbage, 10, 100), 0, "what stands at the end of a view is not in it");
    assert_eq!(take(&mut garbage, 51, 3), 3);
    assert_eq!(take(&mut garbage, 51, 3), 2);
    assert_eq!(take(&mut garbage, 51, 3), 0);
    assert_eq!(take(&mut garbage, u64::MAX, 100), 5);
}

#[test]
fn what_is_moved_while_it_waits_is_found_where_it_stands_and_nowhere_else() {
    let mut garbage = Garbage::default();
    garbage.push(LogOffset(1), Waste::Older(version(1, 100)));
    garbage.push(LogOffset(2), Waste::Tombstone { hash: 9, version: version(2, 200) });
    let holds = |garbage: &mut Garbage| [1, 2, 3, 4, 5].map(|place| garbage.holds(Address::new(place)));
    garbage.relocate(Address::new(1), Address::new(3), 101);
    assert_eq!(holds(&mut garbage), [false, true, true, false, false], "moved before anybody asked");
    garbage.relocate(Address::new(3), Address::new(4), 102);
    garbage.push(LogOffset(3), Waste::Older(version(5, 300)));
    assert_eq!(holds(&mut garbage), [false, true, false, true, true], "moved, and queued, since");
    assert_eq!(garbage.take(horizon(0, 2), 9), [Waste::Older(version(4, 102))]);
    assert_eq!(holds(&mut garbage), [false, true, false, false, true], "taken");
    garbage.take(horizon(0, 9), 9);
    assert_eq!(holds(&mut garbage), [false; 5]);
}

#[test]
fn expired_keys_wait_for_their_own_version_and_for_nothing_before_them() {
    let mut garbage = Garbage::default();
    garbage.push(LogOffset(1000), Waste::Older(version(1, 1)));
    let expired = |name| Waste::Expired(named(name));
    for (name, born) in
        [(1, Born::At(LogOffset(30))), (2, Born::At(LogOffset(20))), (3, Born::In(Sequence(7)))]
    {
        garbage.push_expired(born, named(name));
    }
    assert_eq!(garbage.take(horizon(6, 20), 9), []);
    assert_eq!(garbage.take(horizon(6, 30), 9), [expired(2)]);
    assert_eq!(garbage.take(horizon(7, 31), 9), [expired(1), expired(3)]);
    assert_eq!(garbage.take(horizon(9, 2000), 9).len(), 1);
}

#[test]
fn f15_the_queue_gives_its_memory_back() {
    let mut garbage = Garbage::default();
    let empty = garbage.memory_bytes();
    for place in 1..=100_000 {
        garbage.push(LogOffset(place), Waste::Older(version(place, 1)));
        garbage.push_expired(Born::At(LogOffset(place)), named(1));
    }
    assert!(garbage.holds(Address::new(7)));
    garbage.relocate(Address::new(7), Address::new(200_000), 1);
    let full = garbage.memory_bytes();
    assert!(full - empty > 100_000 * 80, "{full} bytes are less than what waits takes");
    while !garbage.take(horizon(0, u64::MAX), 1000).is_empty() {}
    let left = garbage.memory_bytes() - empty;
    assert!(left < full / 50, "{left} of {full} bytes are still held");
}
