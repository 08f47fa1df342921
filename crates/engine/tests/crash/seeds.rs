//! Running a scenario over many seeds, and telling how to run the ones that failed again.
//!
//! Without a word from outside a test runs a number of its own, which says how much its scenario is worth, and stops
//! early on a slow machine. `PENTAD_SIM_SEED=n` runs that seed alone. `PENTAD_SIM_SEEDS=n` runs n seeds from
//! `PENTAD_SIM_FROM` on (0 without it); `PENTAD_SIM_ROUNDS=n` runs n times the test's own number, and then
//! `PENTAD_SIM_FROM` counts rounds too. Both take as long as it takes, and a seed that fails does not end them, so that
//! one finding does not hide the next.
//!
//! Every test prints one line `seeds: N run, N failed, N ms, TEST`, which `cargo xtask sim` adds up.
#![expect(clippy::disallowed_methods, reason = "the time that a test may take is real time")]

use std::any::Any;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::{Duration, Instant};

/// What a test may take on a slow machine when nobody asked for more.
const BUDGET: Duration = Duration::from_secs(12);
/// A long run gives up a test that fails with so many seeds: they are likely to be one defect.
const FAILED_MAX: u64 = 20;

fn variable(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|error| panic!("{name} is {text:?}: {error}")))
}

/// Whether a long run was asked for.
pub(crate) fn is_long() -> bool {
    long(1).is_some()
}

/// The seeds of a long run, if one was asked for, of a test that runs `own` seeds by itself.
fn long(own: u64) -> Option<Range<u64>> {
    let from = variable("PENTAD_SIM_FROM").unwrap_or(0);
    let (count, unit) = match (variable("PENTAD_SIM_SEEDS"), variable("PENTAD_SIM_ROUNDS")) {
        (None, None) => return None,
        (Some(seeds), None) => (seeds, 1),
        (None, Some(rounds)) => (rounds, own),
        (Some(_), Some(_)) => panic!("PENTAD_SIM_SEEDS and PENTAD_SIM_ROUNDS are both set"),
    };
    let start = from.saturating_mul(unit);
    Some(start..start.saturating_add(count.saturating_mul(unit)))
}

/// The run of one test.
struct Run<'a, F> {
    test: &'a str,
    scenario: F,
    start: Instant,
    seeds: u64,
    failed: u64,
    first: Option<Box<dyn Any + Send>>,
}

impl<F: Fn(u64)> Run<'_, F> {
    fn seed(&mut self, seed: u64) {
        self.seeds += 1;
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| (self.scenario)(seed))) {
            eprintln!(
                "seed {seed} fails; to run it again:\n    \
                 PENTAD_SIM_SEED={seed} cargo test -p pentad-engine --test crash -- --exact {} --nocapture",
                self.test
            );
            self.failed += 1;
            self.first.get_or_insert(panic);
        }
    }

    fn end(self) {
        let time_ms = self.start.elapsed().as_millis();
        println!("\nseeds: {} run, {} failed, {time_ms} ms, {}", self.seeds, self.failed, self.test);
        if let Some(panic) = self.first {
            resume_unwind(panic);
        }
    }
}

/// Runs `scenario` for `seeds` seeds, or those that the environment names. `test` is the path of the test that calls.
pub(crate) fn each_seed(test: &str, seeds: u64, scenario: impl Fn(u64)) {
    let mut run = Run { test, scenario, start: Instant::now(), seeds: 0, failed: 0, first: None };
    if let Some(seed) = variable("PENTAD_SIM_SEED") {
        run.seed(seed);
    } else if let Some(long) = long(seeds) {
        for seed in long {
            run.seed(seed);
            if run.failed >= FAILED_MAX {
                break;
            }
        }
    } else {
        for seed in 0..seeds {
            run.seed(seed);
            if run.failed > 0 {
                break;
            }
            if run.start.elapsed() > BUDGET {
                println!("{test}: {} of {seeds} seeds in the time there is", seed + 1);
                break;
            }
        }
    }
    run.end();
}
