//! F12: readers that take their time. Who follows the batch log and falls behind retention is told so, and where to go
//! on; what a reader holds keeps its space until it lets go.

use pentad_engine::{CommitRecord, ErrorKind, Retention, Sequence, Store};

use crate::harness::world::{STORE, World};

fn open(world: &World, retention: Retention) -> Store {
    world.options_on(&world.disk).retention(retention).open(STORE).unwrap()
}

fn fill(store: &Store, rounds: u32) {
    for round in 0..rounds {
        store.put("key", format!("{round:04}{}", "v".repeat(1000))).unwrap();
    }
}

#[test]
fn f12_follower_that_falls_behind_retention_is_told_the_oldest_commit() {
    let world = World::new(1);
    let store = open(&world, Retention::Commits(10));
    fill(&store, 20);
    let sequence = |record: Option<pentad_engine::Result<CommitRecord>>| record.unwrap().unwrap().sequence;
    let mut follower = store.commits(Sequence(1)).unwrap();
    assert_eq!(sequence(follower.next()), Sequence(11), "it begins with the oldest");
    fill(&store, 20);
    store.compact().unwrap();
    let error = follower.next().unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotRetained, "{error}");
    assert!(error.to_string().contains("commit 12") && error.to_string().contains("oldest is 31"), "{error}");
    let again: Vec<_> = store.commits(Sequence(12)).unwrap().map(|record| record.unwrap().sequence).collect();
    assert_eq!(again, (31..=40).map(Sequence).collect::<Vec<_>>());
}

#[test]
fn f12_space_of_what_a_reader_holds_comes_back_when_it_lets_go() {
    let world = World::new(1);
    let store = open(&world, Retention::Commits(1));
    let rewrite = |with: char| {
        for number in 0..100 {
            store.put(format!("{number:03}"), with.to_string().repeat(1000)).unwrap();
        }
    };
    rewrite('a');
    let snapshot = store.snapshot().unwrap();
    let value = snapshot.get("050").unwrap().unwrap();
    rewrite('b');
    store.compact().unwrap();
    let held = world.disk.used_bytes();
    for number in 0..100 {
        let seen = snapshot.get(format!("{number:03}")).unwrap().unwrap();
        assert!(seen.iter().all(|byte| *byte == b'a'), "the snapshot sees what it saw: {number}");
    }
    drop(snapshot);
    // What it held counts as dead from the next commit on.
    store.put("another", "commit").unwrap();
    store.compact().unwrap();
    let free = world.disk.used_bytes();
    assert!(free + 80_000 < held, "{held} bytes while a snapshot was held, {free} after");
    assert!(value.iter().all(|byte| *byte == b'a'), "a value outlives the file that it was in");
    let report = store.verify(&mut |_| {}).unwrap();
    assert!(report.damage.is_empty(), "{report:?}");
}
