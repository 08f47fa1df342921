//! Running a scenario over many seeds, and telling how to run the one that failed again.
//!
//! `PENTAD_SIM_SEED=n` runs that seed alone; `PENTAD_SIM_SEEDS=n` runs the first n, however long it takes. Without
//! them a test runs a number of its own, and stops early on a slow machine.
#![expect(clippy::disallowed_methods, reason = "the time that a test may take is real time")]

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::{Duration, Instant};

/// What a test may take on a slow machine when nobody asked for more.
const BUDGET: Duration = Duration::from_secs(12);

fn variable(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|error| panic!("{name} is {text:?}: {error}")))
}

/// Runs `scenario` for `seeds` seeds, or those that the environment names. `test` is the path of the test that calls.
pub(crate) fn each_seed(test: &str, seeds: u64, scenario: impl Fn(u64)) {
    let run = |seed| {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| scenario(seed))) {
            eprintln!(
                "seed {seed} fails; to run it again:\n    \
                 PENTAD_SIM_SEED={seed} cargo test -p pentad-engine --test crash -- --exact {test} --nocapture"
            );
            resume_unwind(panic);
        }
    };
    if let Some(seed) = variable("PENTAD_SIM_SEED") {
        return run(seed);
    }
    if let Some(seeds) = variable("PENTAD_SIM_SEEDS") {
        return (0..seeds).for_each(run);
    }
    let start = Instant::now();
    for seed in 0..seeds {
        run(seed);
        if start.elapsed() > BUDGET {
            println!("{test}: {} of {seeds} seeds in the time there is", seed + 1);
            return;
        }
    }
}
