//! Random histories of every shape of key, compared with a map after every few steps.

use super::log::{Dice, SHAPES, Shape};
use super::model::Pair;
use crate::index::runs::Effort;

/// One history; `seed` decides everything.
fn history(shape: Shape, seed: u64) {
    let mut dice = Dice(seed);
    let mut pair = Pair::default();
    let is_heavy = shape == Shape::Longest;
    let variety = [5, 60, 700, 20_000][dice.roll(4)];
    let push_max = if is_heavy { 12 } else { [1, 4, 90, 700][dice.roll(4)] };
    for _ in 0..12 {
        for _ in 0..dice.roll(12) {
            let count = 1 + dice.roll(push_max);
            pair.push_random(&mut dice, shape, count, variety);
        }
        if pair.keys.is_empty() {
            continue;
        }
        for _ in 0..dice.roll(20) {
            let key = pair.some_key(&mut dice);
            let version = dice.roll(pair.keys[&key].len());
            if dice.roll(3) == 0 {
                let address = pair.keys[&key][version].0;
                // Versions go from the oldest on, so that none of them uncovers another.
                if version + 1 == pair.keys[&key].len() && version > 0 {
                    pair.may_go.0.insert(address);
                }
            } else {
                pair.relocate(&key, version);
            }
        }
        match dice.roll(6) {
            0 => while pair.maintain(Effort::Settle) {},
            1 => drop(pair.maintain(Effort::Rewrite)),
            2 | 3 => while pair.maintain(Effort::Due) {},
            _ => {}
        }
        pair.check();
        pair.check_at_random(&mut dice, shape, variety, if is_heavy { 4 } else { 20 });
    }
    let size = pair.runs.size();
    assert!(size.runs <= 48, "{size:?}");
}

#[test]
fn every_shape_of_key_agrees_with_a_map() {
    for shape in SHAPES {
        let seeds = if shape == Shape::Longest { 1 } else { 4 };
        for seed in 0..seeds {
            // Shown where the history fails.
            eprintln!("{shape:?} {seed}");
            history(shape, seed * 1000 + 7);
        }
    }
}
