//! `prune`: lets go of old commits in the batch log, so that compaction can free what they hold.
//!
//! Invariant: no key and no value changes.

use std::time::Duration;

use pentad_engine::{Retention, Sequence};
use serde_json::json;

use crate::args::{Global, PruneArgs};
use crate::error::Result;
use crate::human;
use crate::output::Output;
use crate::session;

/// Prunes the batch log and says what is left of it.
pub(crate) fn run(global: &Global, arguments: &PruneArgs) -> Result<()> {
    let (pruned, oldest) = session::change(global, |store| {
        let pruned = match window(arguments) {
            Some(window) => store.set_retention(window)?,
            None => store.prune(before(arguments, store.sequence()))?,
        };
        Ok((pruned, store.oldest_batch()))
    })?;
    let mut output = Output::new();
    if global.json {
        output.json(&json!({ "pruned": pruned, "oldest_batch": oldest.map(u64::from) }))?;
    } else {
        output.line(&summary(pruned, oldest))?;
    }
    output.finish()
}

/// The window to keep, where it is not named by commits.
fn window(arguments: &PruneArgs) -> Option<Retention> {
    let bytes = arguments.keep_bytes.map(Retention::Bytes);
    bytes.or(arguments.keep_seconds.map(|seconds| Retention::Age(Duration::from_secs(seconds))))
}

/// The oldest commit to keep, in a store whose newest one is `last`.
fn before(arguments: &PruneArgs, last: Sequence) -> Sequence {
    match (arguments.before, arguments.keep) {
        (Some(before), _) => Sequence(before),
        (None, Some(keep)) => Sequence(last.next().0.saturating_sub(keep)),
        (None, None) => Sequence(0),
    }
}

fn summary(pruned: u64, oldest: Option<Sequence>) -> String {
    let kept = oldest.map_or("none is kept".to_owned(), |oldest| format!("the oldest kept is {oldest}"));
    format!("forgot {}; {kept}", human::counted(pruned, "commit", "commits"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_counted_from_the_newest_commit() {
        let keep = |keep| before(&PruneArgs { keep: Some(keep), ..PruneArgs::default() }, Sequence(10));
        assert_eq!(
            (keep(0), keep(1), keep(10), keep(11)),
            (Sequence(11), Sequence(10), Sequence(1), Sequence(0))
        );
        assert_eq!(keep(u64::MAX), Sequence(0));
        assert_eq!(before(&PruneArgs { before: Some(4), ..PruneArgs::default() }, Sequence(10)), Sequence(4));
    }

    #[test]
    fn the_summary_says_what_is_left() {
        assert_eq!(summary(1, Some(Sequence(2))), "forgot 1 commit; the oldest kept is 2");
        assert_eq!(summary(0, None), "forgot 0 commits; none is kept");
    }
}
