//! `Report`: what became of each rule of a suite.
//!
//! The invariant: each rule of the suite is in the report once, whether it held, did not, or could not be checked.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

use super::check::{Check, Unmet};

/// What a suite found.
#[derive(Clone, Debug)]
pub struct Report {
    suite: &'static str,
    outcomes: Vec<Outcome>,
}

/// What a suite found about one rule.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The row of the trait's table in the contract, or the topic of the rules common to all interfaces.
    pub row: &'static str,
    /// The rule, by the name of the function that checks it.
    pub rule: &'static str,
    /// What was found.
    pub verdict: Verdict,
}

/// Whether a rule holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It held in all that was tried.
    Held,
    /// The factory cannot bring the store into the state that the rule is about; the text says which.
    Skipped(String),
    /// It did not hold; the text says what was found and what was wanted.
    Broken(String),
}

impl Report {
    pub(crate) fn new(suite: &'static str) -> Self {
        Self { suite, outcomes: Vec::new() }
    }

    /// Runs one asynchronous check to its end, a panic included, and records it.
    pub(crate) async fn record_async(
        &mut self,
        row: &'static str,
        rule: &'static str,
        check: impl Future<Output = Check>,
    ) {
        let mut check = pin!(check);
        let caught = std::future::poll_fn(|context| {
            // The check is not polled again after it panicked.
            match catch_unwind(AssertUnwindSafe(|| check.as_mut().poll(context))) {
                Ok(poll) => poll.map(Ok),
                Err(panic) => Poll::Ready(Err(panic)),
            }
        })
        .await;
        self.conclude(row, rule, caught);
    }

    /// Runs one synchronous check to its end, a panic included, and records it.
    pub(crate) fn record(&mut self, row: &'static str, rule: &'static str, check: impl FnOnce() -> Check) {
        let caught = catch_unwind(AssertUnwindSafe(check));
        self.conclude(row, rule, caught);
    }

    fn conclude(
        &mut self,
        row: &'static str,
        rule: &'static str,
        caught: Result<Check, Box<dyn Any + Send>>,
    ) {
        let verdict = match caught {
            Ok(Ok(())) => Verdict::Held,
            Ok(Err(Unmet::Skipped(why))) => Verdict::Skipped(why),
            Ok(Err(Unmet::Broken(why))) => Verdict::Broken(why),
            Err(panic) => Verdict::Broken(format!("the check panicked: {}", panic_text(panic.as_ref()))),
        };
        self.outcomes.push(Outcome { row, rule, verdict });
    }

    /// All rules in the order of the contract.
    pub fn outcomes(&self) -> &[Outcome] {
        &self.outcomes
    }

    /// The rules that do not hold.
    pub fn broken(&self) -> impl Iterator<Item = &Outcome> {
        self.outcomes.iter().filter(|outcome| matches!(outcome.verdict, Verdict::Broken(_)))
    }

    /// Passes when no rule is broken.
    ///
    /// # Panics
    ///
    /// With each broken rule, its row and what was found.
    pub fn assert_conforms(&self) {
        assert!(self.broken().next().is_none(), "{self}");
    }
}

impl fmt::Display for Report {
    /// The broken and skipped rules, one a line, and how many held.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let broken = self.broken().count();
        writeln!(f, "{}: {broken} of {} rules broken", self.suite, self.outcomes.len())?;
        for Outcome { row, rule, verdict } in &self.outcomes {
            match verdict {
                Verdict::Held => {}
                Verdict::Skipped(why) => writeln!(f, "  skipped [{row}] {rule}: {why}")?,
                Verdict::Broken(why) => writeln!(f, "  broken [{row}] {rule}: {why}")?,
            }
        }
        Ok(())
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}
