//! The long form of the crash tests, and the replay of one seed.
//!
//! The tests print how many seeds they ran; this adds them up, so that a run can be quoted with its figures.

use std::time::{Duration, Instant};

use clap::Args;

use crate::error::Result;
use crate::workspace::Workspace;

/// How long, or which one.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// How many seeds each test draws
    #[arg(long, value_name = "N", default_value_t = 5_000, conflicts_with_all = ["rounds", "seed"])]
    seeds: u64,
    /// How many times the seeds that each test draws in `ci`: more of the scenarios that find more
    #[arg(long, value_name = "N", conflicts_with = "seed")]
    rounds: Option<u64>,
    /// The first seed, or round, so that a long run can be done in parts
    #[arg(long, value_name = "N", default_value_t = 0, conflicts_with = "seed")]
    from: u64,
    /// Replay this seed alone, with everything that the test prints
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// Only the tests whose names contain this
    #[arg(value_name = "TEST")]
    test: Option<String>,
}

/// What the tests said about their seeds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Seeds {
    tests: u64,
    run: u64,
    failed: u64,
    /// Added up over the tests, which run side by side.
    time_ms: u64,
}

impl Seeds {
    /// Takes in a line `seeds: N run, N failed, N ms, TEST`; other lines say nothing about seeds.
    fn note(&mut self, line: &str) {
        let numbers = || {
            let mut parts = line.strip_prefix("seeds: ")?.split(", ");
            let mut number = |unit| parts.next()?.strip_suffix(unit)?.parse::<u64>().ok();
            Some((number(" run")?, number(" failed")?, number(" ms")?))
        };
        if let Some((run, failed, time_ms)) = numbers() {
            self.tests += 1;
            self.run += run;
            self.failed += failed;
            self.time_ms += time_ms;
        }
    }

    fn summary(self, clock: Duration) -> String {
        format!(
            "{} seeds run in {} tests, {} failed; {} s on the clock, {} s of the tests together",
            self.run,
            self.tests,
            self.failed,
            clock.as_secs(),
            self.time_ms.div_ceil(1000),
        )
    }
}

/// Runs the crash tests of the engine in release mode.
pub(crate) fn perform(workspace: &Workspace, arguments: &Arguments) -> Result<String> {
    let mut line = vec!["test", "--package", "pentad-engine", "--test", "crash", "--release", "--locked"];
    line.extend(arguments.test.as_deref());
    line.extend(["--", if arguments.seed.is_some() { "--nocapture" } else { "--show-output" }]);
    let (name, value) = match (arguments.seed, arguments.rounds) {
        (Some(seed), _) => ("PENTAD_SIM_SEED", seed),
        (None, Some(rounds)) => ("PENTAD_SIM_ROUNDS", rounds),
        (None, None) => ("PENTAD_SIM_SEEDS", arguments.seeds),
    };
    let mut task = workspace.cargo(&line).variable(name, &value.to_string());
    if arguments.from > 0 {
        task = task.variable("PENTAD_SIM_FROM", &arguments.from.to_string());
    }
    let mut seeds = Seeds::default();
    let begun = Instant::now();
    let tests = task.watch_tests(&mut |line| seeds.note(line));
    // Also of a run with findings: how many there were among how many seeds is what one wants to know.
    println!("{}", seeds.summary(begun.elapsed()));
    Ok(tests?.note())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Seeds;

    #[test]
    fn what_the_tests_say_is_added_up_and_other_lines_are_not() {
        let mut seeds = Seeds::default();
        for line in [
            "test a::b ... ok",
            "seeds: 400 run, 0 failed, 5121 ms, a::b",
            "seeds: of another kind",
            "seeds: 30 run, 2 failed, 800 ms, c",
        ] {
            seeds.note(line);
        }
        assert_eq!(seeds, Seeds { tests: 2, run: 430, failed: 2, time_ms: 5921 });
        let text = seeds.summary(Duration::from_millis(3400));
        assert_eq!(text, "430 seeds run in 2 tests, 2 failed; 3 s on the clock, 6 s of the tests together");
    }
}
