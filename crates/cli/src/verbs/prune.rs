//! `prune`: lets go of old commits in the batch log, so that compaction can free what they hold.
//!
//! Invariant: no key and no value changes.

use std::time::Duration;

use pentad_engine::Retention;
use serde_json::json;

use crate::args::{Global, PruneArgs};
use crate::error::Result;
use crate::human;
use crate::output::Output;
use crate::place::Kept;
use crate::session;

/// Prunes the batch log and says what is left of it.
pub(crate) fn run(global: &Global, arguments: &PruneArgs) -> Result<()> {
    let (pruned, oldest) = session::alter(global, |place| place.prune(kept(arguments)))?;
    let mut output = Output::new();
    if global.json {
        output.json(&json!({ "pruned": pruned, "oldest_batch": oldest }))?;
    } else {
        output.line(&summary(pruned, oldest))?;
    }
    output.finish()
}

/// What the arguments leave; without any, everything.
fn kept(arguments: &PruneArgs) -> Kept {
    match arguments {
        PruneArgs { keep_bytes: Some(bytes), .. } => Kept::Window(Retention::Bytes(*bytes)),
        PruneArgs { keep_seconds: Some(seconds), .. } => {
            Kept::Window(Retention::Age(Duration::from_secs(*seconds)))
        }
        PruneArgs { before: Some(before), .. } => Kept::From(*before),
        PruneArgs { keep: Some(keep), .. } => Kept::Newest(*keep),
        _ => Kept::From(0),
    }
}

fn summary(pruned: u64, oldest: Option<u64>) -> String {
    let kept = oldest.map_or("none is kept".to_owned(), |oldest| format!("the oldest kept is {oldest}"));
    format!("forgot {}; {kept}", human::counted(pruned, "commit", "commits"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_says_what_is_left() {
        assert_eq!(summary(1, Some(2)), "forgot 1 commit; the oldest kept is 2");
        assert_eq!(summary(0, None), "forgot 0 commits; none is kept");
    }
}
