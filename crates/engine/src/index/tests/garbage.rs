//! The queue of what waits to be dropped.

use crate::address::Address;
use crate::index::deadlines::Deadline;
use crate::index::garbage::{Garbage, Waste};
use crate::index::{Born, Extent, View};
use crate::numbers::{LogOffset, Sequence, Timestamp};

fn extent(address: u64, bytes: u64) -> Extent {
    Extent { address: Address::new(address), bytes }
}

fn horizon(sequence: u64, tail: u64) -> View {
    View { sequence: Sequence(sequence), tail: LogOffset(tail), time: Timestamp(0) }
}

fn named(name: u64) -> Deadline {
    Deadline { at: Timestamp(5), hash: name }
}

#[test]
fn what_waits_is_taken_in_slices_up_to_the_commits_that_all_views_include() {
    let mut garbage = Garbage::default();
    for place in 1..=10 {
        garbage.push_older(Sequence(place * 10), extent(place, place));
    }
    let take = |garbage: &mut Garbage, sequence, limit| garbage.take(horizon(sequence, 0), limit).len();
    assert_eq!(take(&mut garbage, 9, 100), 0, "a view without the commit still sees what it replaced");
    assert_eq!(take(&mut garbage, 50, 3), 3);
    assert_eq!(take(&mut garbage, 50, 3), 2);
    assert_eq!(take(&mut garbage, 50, 3), 0);
    assert_eq!(take(&mut garbage, u64::MAX, 100), 5);
}

#[test]
fn what_is_moved_while_it_waits_is_found_where_it_stands_and_nowhere_else() {
    let mut garbage = Garbage::default();
    garbage.push_older(Sequence(1), extent(1, 100));
    garbage.push_tombstone(Sequence(2), 9, extent(2, 200));
    let holds = |garbage: &mut Garbage| [1, 2, 3, 4, 5].map(|place| garbage.holds(Address::new(place)));
    garbage.relocate(Address::new(1), extent(3, 101));
    assert_eq!(holds(&mut garbage), [false, true, true, false, false], "moved before anybody asked");
    garbage.relocate(Address::new(3), extent(4, 102));
    garbage.push_older(Sequence(3), extent(5, 300));
    assert_eq!(holds(&mut garbage), [false, true, false, true, true], "moved, and queued, since");
    assert_eq!(garbage.bytes(), 602);
    assert_eq!(garbage.take(horizon(1, 0), 9), [Waste::Older(extent(4, 102))]);
    assert_eq!(holds(&mut garbage), [false, true, false, false, true], "taken");
    garbage.moves_are_done();
    garbage.relocate(Address::new(2), extent(6, 201));
    let tombstone = Waste::Tombstone { hash: 9, extent: extent(6, 201) };
    assert_eq!(garbage.take(horizon(9, 0), 9), [Waste::Older(extent(5, 300)), tombstone]);
    assert_eq!(holds(&mut garbage), [false; 5]);
    assert_eq!(garbage.bytes(), 0);
}

#[test]
fn it_says_how_far_the_horizon_has_to_go_for_so_many_bytes() {
    let mut garbage = Garbage::default();
    for commit in 1..=4 {
        garbage.push_older(Sequence(commit), extent(commit, 100));
    }
    garbage.push_tombstone(Sequence(4), 9, extent(9, 50));
    assert_eq!(
        [1, 100, 101, 400].map(|bytes| garbage.due_for(bytes)),
        [1, 1, 2, 4].map(|n| Some(Sequence(n)))
    );
    assert_eq!(garbage.due_for(401), None);
    assert_eq!([0, 2, 9].map(|commit| garbage.bytes_until(Sequence(commit))), [0, 200, 450]);
}

#[test]
fn expired_keys_wait_for_their_own_version_and_for_nothing_before_them() {
    let mut garbage = Garbage::default();
    garbage.push_older(Sequence(1000), extent(1, 1));
    let expired = |name| Waste::Expired(named(name));
    for (name, born) in
        [(1, Born::At(LogOffset(30))), (2, Born::At(LogOffset(20))), (3, Born::In(Sequence(7)))]
    {
        garbage.push_expired(born, named(name));
    }
    assert_eq!(garbage.take(horizon(6, 20), 9), []);
    assert_eq!(garbage.take(horizon(6, 30), 9), [expired(2)]);
    assert_eq!(garbage.take(horizon(7, 31), 9), [expired(1), expired(3)]);
    assert_eq!(garbage.take(horizon(1000, 2000), 9).len(), 1);
}

#[test]
fn f15_the_queue_gives_its_memory_back() {
    let mut garbage = Garbage::default();
    let empty = garbage.memory_bytes();
    for place in 1..=100_000 {
        garbage.push_older(Sequence(place), extent(place, 1));
        garbage.push_expired(Born::At(LogOffset(place)), named(1));
    }
    assert!(garbage.holds(Address::new(7)));
    garbage.relocate(Address::new(7), extent(200_000, 1));
    let full = garbage.memory_bytes();
    assert!(full - empty > 100_000 * 50, "{full} bytes are less than what waits takes");
    while !garbage.take(horizon(u64::MAX, u64::MAX), 1000).is_empty() {}
    garbage.moves_are_done();
    let left = garbage.memory_bytes() - empty;
    assert!(left < full / 50, "{left} of {full} bytes are still held");
}
