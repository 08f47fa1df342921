//! How long the tests run, and from which seed.

use std::env;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};

use crate::random::Random;

/// How many rounds of faults there are.
const ROUNDS: &str = "PENTAD_CHAOS_ROUNDS";
/// The seed of a run that is to be repeated.
const SEED: &str = "PENTAD_CHAOS_SEED";

fn number(name: &str) -> Option<u64> {
    let value = env::var(name).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name} is {value:?}, which is no number")))
}

/// How many rounds to run: `quick`, unless the long form was asked for.
pub(crate) fn rounds(quick: u64) -> u64 {
    number(ROUNDS).unwrap_or(quick)
}

/// The random choices of a run, whose seed is printed. One seed gives the same faults in the same order; when they hit is for
/// the scheduler to say.
pub(crate) fn random() -> (u64, Random) {
    let seed = number(SEED).unwrap_or_else(|| RandomState::new().build_hasher().finish());
    println!("\nseed {seed}");
    (seed, Random::new(seed))
}
