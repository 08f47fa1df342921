//! Loading into a place that fails.

use std::cell::Cell;
use std::io::Read;
use std::path::Path;

use pentad_client::wire::FailureKind;
use pentad_engine::Expect;

use super::*;
use crate::error::Failure;
use crate::place::{Content, Done, Kept};

/// Takes so many commits, and refuses the next.
#[derive(Debug)]
struct Failing {
    commits: Cell<u64>,
    is_outcome_unknown: bool,
}

#[derive(Debug)]
struct Batch<'f> {
    place: &'f Failing,
    changes: usize,
}

impl Alter for Failing {
    fn name(&self) -> String {
        "failing".to_owned()
    }

    fn directory(&self) -> Option<&Path> {
        None
    }

    fn contains(&self, _: &[u8]) -> Result<bool> {
        Ok(false)
    }

    fn changes(&self) -> Box<dyn Changes + '_> {
        Box::new(Batch { place: self, changes: 0 })
    }

    fn drop_namespace(&self, _: &str) -> Result<Done> {
        Err(Failure::Refused("no namespaces".to_owned()))
    }

    fn stage(
        &self,
        _: &mut dyn Read,
        _: &dyn Fn(std::io::Error) -> Failure,
        _: &dyn Fn(u64),
    ) -> Result<Staged> {
        Err(Failure::Refused("no streams".to_owned()))
    }

    fn prune(&self, _: Kept) -> Result<(u64, Option<u64>)> {
        Ok((0, None))
    }

    fn sync(&self) -> Result<()> {
        Ok(())
    }
}

impl Changes for Batch<'_> {
    fn require(&mut self, _: &[u8], _: Expect) {}

    fn add(&mut self, _: Change<'_>) {
        self.changes += 1;
    }

    fn soft(&mut self) {}

    fn len(&self) -> usize {
        self.changes
    }

    fn commit(self: Box<Self>) -> Result<Done> {
        let left = self.place.commits.get();
        if left == 0 {
            let outcome_unknown = self.place.is_outcome_unknown;
            let failure = pentad_client::Failure::new(FailureKind::TimedOut, "no answer");
            return Err(Failure::Remote(pentad_client::Failure { outcome_unknown, ..failure }));
        }
        self.place.commits.set(left - 1);
        Ok(Done { applied: true, ..Done::default() })
    }
}

/// What an import says that fails after so many commits of ten entries.
fn said(commits: u64, is_outcome_unknown: bool) -> String {
    let place = Failing { commits: Cell::new(commits), is_outcome_unknown };
    let mut loader = Loader::new(&place, 10, None);
    for line in 1..=100 {
        let value = Staged { content: Content::Bytes(vec![0].into()), length: 1, held_bytes: 1 };
        if loader.add(b"k", value, Expiry::Never, Place::Line(line)).is_err() {
            break;
        }
    }
    loader.salvage().unwrap();
    loader.state()
}

/// A commit to a cluster that was not answered in time was said not to be in, and its entries were imported again.
#[test]
fn f19_entries_whose_commit_has_no_known_outcome_are_said_to_be_in_doubt() {
    assert_eq!(
        said(2, true),
        "20 entries are in and durable, through line 20; 10 entries after that may be in"
    );
    assert_eq!(said(2, false), "20 entries are in and durable, through line 20; nothing after that is");
    assert_eq!(said(0, true), "no entry is known to be durable; the first 10 entries may be in");
    assert_eq!(said(0, false), "nothing was imported");
}
