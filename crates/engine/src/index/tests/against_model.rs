//! Random histories against the model: commits, snapshots, expiry, collection, compaction and reopening, with keys whose
//! hashes collide, up to a crowd that shares one.

use std::time::Duration;

use proptest::prelude::*;

use super::world::{HASHES, KEYS, World, Write};

#[derive(Clone, Debug)]
enum Step {
    Commit(Vec<Write>),
    Tick(u64),
    Pin,
    Unpin(usize),
    Collect,
    Len,
    Maintain { idle: bool },
    RelocateOne(usize),
    Compact { segments: usize },
    Page { bounds: (u8, u8), kinds: u8, limit: usize },
    Reopen { rotation: usize, back: bool },
}

fn write() -> impl Strategy<Value = Write> {
    prop_oneof![
        4 => (0..KEYS).prop_map(Write::Put),
        3 => (0..KEYS, 0..12u64).prop_map(|(key, lasts)| Write::PutFor(key, lasts)),
        4 => (0..KEYS).prop_map(Write::Delete),
        1 => (0..HASHES).prop_map(Write::PutHash),
        1 => (0..HASHES, 0..12u64).prop_map(|(hash, lasts)| Write::PutHashFor(hash, lasts)),
        1 => (0..HASHES).prop_map(Write::DeleteHash),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        14 => prop::collection::vec(write(), 1..12).prop_map(Step::Commit),
        3 => (1..8u64).prop_map(Step::Tick),
        2 => Just(Step::Pin),
        2 => any::<usize>().prop_map(Step::Unpin),
        4 => Just(Step::Collect),
        2 => Just(Step::Len),
        3 => any::<bool>().prop_map(|idle| Step::Maintain { idle }),
        3 => any::<usize>().prop_map(Step::RelocateOne),
        3 => (0..12usize).prop_map(|segments| Step::Compact { segments }),
        3 => ((0..=KEYS, 0..=KEYS), 0..9u8, 0..8usize)
            .prop_map(|(bounds, kinds, limit)| Step::Page { bounds, kinds, limit }),
        2 => (0..50usize, any::<bool>()).prop_map(|(rotation, back)| Step::Reopen { rotation, back }),
    ]
}

fn take(world: &mut World, step: Step) {
    match step {
        Step::Commit(writes) => world.commit(&writes),
        Step::Tick(time) => world.tick(time),
        Step::Pin => world.pin(),
        Step::Unpin(pick) if !world.pins.is_empty() => drop(world.pins.remove(pick % world.pins.len())),
        Step::Unpin(_) => {}
        Step::Collect => world.collect(),
        Step::Len => world.check_len(),
        Step::Maintain { idle } => {
            world.index.maintain(if idle { Duration::MAX } else { Duration::ZERO });
        }
        Step::RelocateOne(pick) => world.relocate_one(pick),
        Step::Compact { segments } => world.compact(segments),
        Step::Page { bounds, kinds, limit } => world.check_page(bounds, kinds, limit),
        Step::Reopen { rotation, back } => world.reopen(rotation, back),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn f15_f16_any_history_reads_like_the_model(
        families in prop_oneof![Just(1u8), Just(3u8), Just(250u8)],
        steps in prop::collection::vec(step(), 1..40),
    ) {
        let mut world = World::new(families);
        for step in steps {
            take(&mut world, step);
            world.check();
        }
        world.pins.clear();
        world.collect();
        world.check();
        world.check_len();
    }
}
