//! The table beside the entries that a store would hold of it: after every request it is what they say.

use std::collections::{BTreeMap, BTreeSet};

use pentad_client::wire::CommandResult;

use super::*;

const A: ClientId = [1; 16];
const B: ClientId = [2; 16];

/// A table, and the system entries beside it.
struct Stored {
    table: Requests,
    entries: BTreeMap<Vec<u8>, Vec<u8>>,
    index: u64,
}

impl Stored {
    fn new(rows: usize, bytes: u64, floors: usize) -> Self {
        let table = Requests { limits: Limits { rows, bytes, floors }, ..Requests::default() };
        Self { table, entries: BTreeMap::new(), index: 0 }
    }

    /// Applies a request that is new; its result has `bytes` bytes.
    fn apply(&mut self, key: RequestKey, settled_below: u64, bytes: usize) {
        assert_eq!(self.table.look(&key), Seen::New);
        self.index += 1;
        let settled_below = settled_below.min(key.1);
        let passing = self.table.make_room(&key, settled_below);
        for (name, value) in passing.entries() {
            match value {
                Some(value) => drop(self.entries.insert(name, value)),
                None => drop(self.entries.remove(&name)),
            }
        }
        let mut record = RequestRecord::encode(self.index, settled_below, &CommandResult::default());
        record.resize(record.len() + bytes, 0);
        self.entries.insert(super::super::keys::request_entry(&key), record);
        let bytes = bytes.try_into().unwrap();
        self.table.apply(&passing, key, Row { index: self.index, settled_below, bytes });
    }

    /// The table as it would be after a restart.
    fn loaded(&self) -> Requests {
        let pairs = || self.entries.iter().map(|(name, value)| (name.clone().into(), value.clone().into()));
        Requests { limits: self.table.limits, ..Requests::load(pairs(), pairs()) }
    }
}

#[test]
fn f19_an_applied_request_is_known_until_it_is_settled() {
    let mut stored = Stored::new(100, 1 << 20, 10);
    stored.apply((A, 1), 1, 5);
    stored.apply((A, 2), 1, 5);
    let table = &stored.table;
    assert_eq!(table.look(&(A, 1)), Seen::Answered);
    assert_eq!(table.look(&(A, 3)), Seen::New);
    assert_eq!(table.look(&(B, 1)), Seen::New);
    stored.apply((A, 3), 3, 5);
    assert_eq!(stored.table.look(&(A, 1)), Seen::Settled);
    assert_eq!(stored.table.look(&(A, 3)), Seen::Answered);
    assert_eq!(stored.table.by_index.len(), 1);
}

#[test]
fn a_request_that_settles_itself_is_still_taken_up() {
    let mut stored = Stored::new(100, 1 << 20, 10);
    stored.apply((A, 1), 9, 5);
    assert_eq!(stored.table.look(&(A, 1)), Seen::Answered);
}

#[test]
fn f19_requests_under_way_together_are_applied_in_any_order() {
    let mut stored = Stored::new(100, 1 << 20, 10);
    stored.apply((A, 3), 2, 5);
    assert_eq!(stored.table.look(&(A, 2)), Seen::New);
    assert_eq!(stored.table.look(&(A, 1)), Seen::Settled);
}

/// A request that had gone for want of room was taken for a new one when its client repeated it, and applied a second time.
#[test]
fn f19_what_went_for_want_of_room_is_forgotten_and_never_new_again() {
    let mut stored = Stored::new(3, 1 << 20, 10);
    for number in 1..=5 {
        stored.apply((A, number), 0, 5);
    }
    assert_eq!(stored.table.by_index.len(), 3);
    for (number, seen) in [(2, Seen::Forgotten), (3, Seen::Answered), (6, Seen::New)] {
        assert_eq!(stored.table.look(&(A, number)), seen);
    }
    // Nor is one whose client has nothing else in the table any more.
    for number in 1..=3 {
        stored.apply((B, number), 0, 5);
    }
    assert_eq!(stored.table.look(&(A, 5)), Seen::Forgotten);
    assert_eq!(stored.table.look(&(A, 6)), Seen::New, "the client can go on");
    assert_eq!(stored.loaded(), stored.table);
}

#[test]
fn results_that_are_too_long_together_go_in_the_order_of_the_log() {
    let mut stored = Stored::new(100, 20, 10);
    for number in 1..=9 {
        stored.apply((B, number), 0, 10);
    }
    assert_eq!((stored.table.by_index.len(), stored.table.bytes), (3, 30));
    assert_eq!(stored.table.look(&(B, 6)), Seen::Forgotten);
}

#[test]
fn a_floor_goes_when_its_client_has_settled_what_is_below_it() {
    let mut stored = Stored::new(2, 1 << 20, 10);
    for number in 1..=4 {
        stored.apply((A, number), 1, 5);
    }
    assert_eq!(stored.table.floors.len(), 1);
    stored.apply((A, 5), 5, 5);
    assert_eq!(stored.table.floors.len(), 0);
    assert_eq!(stored.table.look(&(A, 2)), Seen::Settled);
    assert_eq!(stored.entries.len(), 1, "nothing is left of it in the store");
}

#[test]
fn floors_are_bounded_and_the_oldest_goes_first() {
    let mut stored = Stored::new(1, 1 << 20, 2);
    for client in 1..=5 {
        stored.apply(([client; 16], 1), 1, 5);
    }
    let seen: Vec<Seen> = (1..=5).map(|client| stored.table.look(&([client; 16], 1))).collect();
    assert_eq!(seen, [Seen::New, Seen::New, Seen::Forgotten, Seen::Forgotten, Seen::Answered]);
    assert_eq!(stored.entries.len(), 3);
}

/// Each of these rows said that nothing before the first was settled, and the highest of that was sought anew for every one that went.
#[test]
fn many_requests_that_are_settled_together_go_in_a_moment() {
    let mut stored = Stored::new(100_000, 64 << 20, 10);
    for number in 1..=60_000 {
        stored.apply((A, number), 1, 5);
    }
    let begun = std::time::Instant::now();
    stored.apply((A, 60_001), 60_001, 5);
    assert_eq!(stored.table.by_index.len(), 1);
    assert!(begun.elapsed() < std::time::Duration::from_secs(5), "it took {:?}", begun.elapsed());
}

#[test]
fn f18_f19_whatever_comes_the_table_is_what_the_store_says_and_nothing_is_applied_twice() {
    let mut random = 1_u64;
    let mut below = |bound: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % bound
    };
    for limits in [(4, 1 << 20, 100), (50, 60, 100), (3, 40, 2), (6, 1 << 20, 0)] {
        let mut stored = Stored::new(limits.0, limits.1, limits.2);
        let mut applied = BTreeSet::new();
        let mut settled = [1_u64; 6];
        for _ in 0..3_000 {
            let which = below(6);
            let at = &mut settled[usize::try_from(which).unwrap()];
            *at += below(3);
            let key = ([u8::try_from(which).unwrap(); 16], *at + below(4));
            let seen = stored.table.look(&key);
            match seen {
                Seen::New => {
                    assert!(applied.insert(key) || limits.2 < 100, "{key:?} is applied a second time");
                    stored.apply(key, *at, usize::try_from(below(15)).unwrap());
                }
                Seen::Answered => assert!(applied.contains(&key)),
                Seen::Settled | Seen::Forgotten => {}
            }
            let loaded = stored.loaded();
            for (client, settled) in settled.iter().enumerate() {
                for number in 0..=settled + 4 {
                    let key = ([u8::try_from(client).unwrap(); 16], number);
                    assert_eq!(loaded.look(&key), stored.table.look(&key), "{key:?} with {limits:?}");
                }
            }
            assert_eq!((&loaded.by_index, &loaded.floors), (&stored.table.by_index, &stored.table.floors));
            assert_eq!(loaded.clients.len(), stored.table.clients.len());
            assert!(stored.table.floors.len() <= limits.2 && stored.table.by_index.len() <= limits.0);
        }
    }
}
