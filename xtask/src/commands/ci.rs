//! Every check, in an order where the cheap failures come first.
//!
//! Invariant: reads only. Nothing tracked is written, the lock file included; what is built lies in the target
//! directory. The first failure ends the run and says which command failed and how to mend it.

use std::time::{Duration, Instant};

use crate::commands::{chaos, clippy, crash, doc, examples, format, loom, planted, test};
use crate::error::{Error, Result};
use crate::workspace::Workspace;
use crate::{faults, layers, tidy};

/// One check: its name, what to do when it fails, and the check itself, which answers with a note for the summary.
struct Step {
    name: &'static str,
    mend: &'static str,
    check: fn(&Workspace) -> Result<String>,
}

const STEPS: &[Step] = &[
    Step { name: "format", mend: "`cargo xtask fix` formats every file", check: format::check },
    Step {
        name: "tidy",
        mend: "each line above says how; `cargo xtask tidy` repeats this check alone",
        check: tidy::check,
    },
    Step {
        name: "layers",
        mend: "each line above says how; the table is xtask/src/layers.rs, `cargo xtask layers` repeats this check",
        check: layers::check,
    },
    Step {
        name: "faults",
        mend: "each line above says how; `cargo xtask faults` prints every case with its tests",
        check: faults::check,
    },
    Step {
        name: "clippy",
        mend: "`cargo xtask fix` applies what clippy suggests; the rest by hand, or `#[expect(lint, reason = \"…\")]`",
        check: clippy::check,
    },
    Step {
        name: "doc",
        mend: "mend the comment that is named above; `cargo xtask doc` repeats",
        check: doc::check,
    },
    Step {
        name: "test",
        mend: "run the failing test alone: `cargo test --package CRATE NAME`; a failing crash test prints its seed for \
               `cargo xtask sim --seed S`; a changed snapshot is looked at and taken over by hand",
        check: test::check,
    },
    Step {
        name: "crash",
        mend: "the seed stands above; `cargo xtask crash --quick --seed S PART` does the same work again",
        check: crash::check,
    },
    Step {
        name: "chaos",
        mend: "the seed and the log of each node stand above; `cargo xtask chaos --quick --seed S` makes the same faults again",
        check: chaos::check,
    },
    Step {
        name: "examples",
        mend: "run it by hand: `cargo run --package CRATE --example NAME`; one that needs input is named in its crate's \
               [package.metadata.examples]",
        check: examples::check,
    },
    Step {
        name: "planted",
        mend: "a bug that is not caught means that the crash tests have become weaker: docs/testing.md, `Planted bugs`",
        check: planted::check,
    },
    Step {
        name: "loom",
        mend: "docs/testing.md, `Loom`, says how to replay the interleaving that failed",
        check: loom::check,
    },
];

/// Runs all checks.
pub(crate) fn perform(workspace: &Workspace) -> Result<()> {
    let summary = walk(STEPS, workspace)?;
    println!("\n{summary}");
    Ok(())
}

/// Runs `steps` up to the first failure; the summary of all of them, or the error.
fn walk(steps: &[Step], workspace: &Workspace) -> Result<String> {
    let begun = Instant::now();
    let mut summary = String::new();
    for (at, step) in steps.iter().enumerate() {
        println!("\n[{}/{}] {}", at + 1, steps.len(), step.name);
        let started = Instant::now();
        let outcome = (step.check)(workspace);
        let took = duration(started.elapsed());
        match outcome {
            Ok(note) => {
                let line = format!("ok      {:<10} {took:>12}  {note}", step.name);
                println!("{}", line.trim_end());
                summary.push_str(line.trim_end());
                summary.push('\n');
            }
            Err(error) => {
                println!("\n{summary}FAILED  {:<10} {took:>12}  {error}", step.name);
                println!("to mend: {}\n", step.mend);
                return Err(Error::Step { step: step.name, left: steps.len() - at - 1 });
            }
        }
    }
    summary.push_str(&format!("All {} checks passed in {}.", steps.len(), duration(begun.elapsed())));
    Ok(summary)
}

/// A time as people say it.
fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    if seconds < 60 {
        format!("{:.1} s", time.as_secs_f64())
    } else {
        format!("{} min {:02} s", seconds / 60, seconds % 60)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{STEPS, Step, duration, walk};
    use crate::error::Error;
    use crate::workspace::Workspace;

    const GOOD: Step = Step { name: "good", mend: "", check: |_| Ok("7 tests".to_owned()) };
    const BAD: Step =
        Step { name: "bad", mend: "mend it", check: |_| Err(Error::Findings { check: "bad", count: 2 }) };
    const NEVER: Step =
        Step { name: "never", mend: "", check: |_| panic!("a check after the failure was run") };

    #[test]
    fn the_summary_names_every_check_and_its_note() {
        let summary = walk(&[GOOD, GOOD], &Workspace::locate().unwrap()).unwrap();
        assert_eq!(summary.matches("ok      good").count(), 2, "{summary}");
        assert!(summary.contains("7 tests\n") && summary.contains("All 2 checks passed in"), "{summary}");
    }

    #[test]
    fn the_first_failure_ends_the_run() {
        let error = walk(&[GOOD, BAD, NEVER], &Workspace::locate().unwrap()).unwrap_err();
        assert_eq!(error.to_string(), "the check `bad` failed, 1 check(s) after it were not run");
    }

    #[test]
    fn every_step_says_how_to_mend() {
        assert!(STEPS.iter().all(|step| !step.mend.is_empty()));
    }

    #[test]
    fn times_are_readable() {
        assert_eq!(duration(Duration::from_millis(1_240)), "1.2 s");
        assert_eq!(duration(Duration::from_secs(605)), "10 min 05 s");
    }
}
