//! How long the tests run, from which seed, and what they say when they cannot run.

use std::env;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};

use crate::random::Random;

/// How many kills a load gets. Set, it also asks for every injection instead of a sample.
const ROUNDS: &str = "PENTAD_CRASH_ROUNDS";
/// The seed of a run that is to be repeated.
const SEED: &str = "PENTAD_CRASH_SEED";

fn number(name: &str) -> Option<u64> {
    let value = env::var(name).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name} is {value:?}, which is no number")))
}

/// How many rounds to run: `quick`, unless the long form was asked for.
pub(crate) fn rounds(quick: u64) -> u64 {
    number(ROUNDS).unwrap_or(quick)
}

/// Whether everything is to be tried, and not a sample.
pub(crate) fn everything() -> bool {
    number(ROUNDS).is_some()
}

/// The random choices of the test `name`, whose seed is printed. One seed gives the same work and the same delays; what the
/// scheduler makes of them is not ours to repeat.
pub(crate) fn random(name: &str) -> (u64, Random) {
    let seed = number(SEED).unwrap_or_else(|| RandomState::new().build_hasher().finish());
    println!("\n{name}: seed {seed}");
    let name = name.bytes().fold(0, |sum: u64, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    (seed, Random::of(&[seed, name]))
}

/// Says that the test `name` could not run here, in the form that `cargo xtask crash` counts.
pub(crate) fn skip(name: &str, why: &str) {
    println!("\nskipped: {name}: {}", why.trim().replace('\n', "; "));
}
