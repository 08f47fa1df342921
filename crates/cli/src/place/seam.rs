//! The seam itself: what a verb can ask of the place where its data lives.

use std::fmt::Debug;
use std::io::Read;
use std::ops::ControlFlow;
use std::path::Path;

use bytes::Bytes;
use pentad_engine::{Expect, Retention, Timestamp};
use serde_json::Value;

use super::change::{Bounds, Change, Done, Info};
use crate::error::{Failure, Result};
use crate::payload::Staged;

/// Rows in the order of a listing; those behind one that cannot be read still come.
pub(crate) type Rows<'a> = Box<dyn Iterator<Item = Result<Seen>> + 'a>;

/// A row.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) key: Bytes,
    /// Empty in a listing of keys alone.
    pub(crate) value: Bytes,
    /// Only in a listing that asks for it.
    pub(crate) deadline: Option<Timestamp>,
}

/// An entry in a listing by age.
#[derive(Debug)]
pub(crate) struct Aged {
    /// `None` when it was stored under a hash alone.
    pub(crate) key: Option<Bytes>,
    pub(crate) key_hash: u64,
    /// Empty in a listing of keys alone.
    pub(crate) value: Bytes,
}

/// Which rows, and what of them.
#[derive(Clone, Debug)]
pub(crate) struct Listing {
    pub(crate) bounds: Bounds,
    pub(crate) reverse: bool,
    pub(crate) keys_alone: bool,
    pub(crate) deadlines: bool,
    /// Rows at most.
    pub(crate) limit: usize,
}

impl Listing {
    /// Everything, values included.
    pub(crate) fn all() -> Self {
        Self {
            bounds: (std::ops::Bound::Unbounded, std::ops::Bound::Unbounded),
            reverse: false,
            keys_alone: false,
            deadlines: false,
            limit: usize::MAX,
        }
    }
}

/// A place to look at, as it is at one moment.
pub(crate) trait Look {
    /// What it is called in messages.
    fn name(&self) -> String;

    /// The directory of the store, if it is one of this machine.
    fn directory(&self) -> Option<&Path>;

    /// The last commit that is seen.
    fn sequence(&self) -> Result<u64>;

    /// A value, whole.
    fn value(&self, key: &[u8]) -> Result<Option<Bytes>>;

    /// A value, piece by piece.
    fn reader(&self, key: &[u8]) -> Result<Option<Box<dyn Read + '_>>>;

    fn info(&self, key: &[u8]) -> Result<Option<Info>>;

    fn rows(&self, listing: &Listing) -> Result<Rows<'_>>;

    fn count(&self, bounds: &Bounds) -> Result<u64>;

    /// About how many keys there are, and how many bytes they take on a disk.
    fn estimate(&self, bounds: &Bounds) -> Result<(u64, u64)>;

    /// A page of rows, and the token of the next one.
    fn page(&self, listing: &Listing, token: Option<&[u8]>) -> Result<(Vec<Seen>, Option<Vec<u8>>)>;

    /// Tells `each` of `limit` entries at most, the one written last first.
    fn newest_first(
        &self,
        keys_alone: bool,
        limit: u64,
        each: &mut dyn FnMut(Aged) -> Result<()>,
    ) -> Result<()>;

    /// The names of all namespaces, and why those are not all of them, if they are not.
    fn namespaces(&self) -> Result<(Vec<String>, Option<String>)>;

    /// Tells `each` of the commits until it breaks off, or there is nothing more to come.
    fn watch(
        &self,
        wanted: &WatchWanted,
        each: &mut dyn FnMut(Told) -> Result<ControlFlow<()>>,
    ) -> Result<()>;

    /// The oldest commit that is retained; `None` when there is none.
    fn oldest_commit(&self) -> Result<Option<u64>>;

    /// Tells `each` of the commits from `from` on that are there by now.
    fn log(&self, from: u64, each: &mut dyn FnMut(Told) -> Result<()>) -> Result<()>;

    /// Has everything that is looked at from here on be of one moment, if it is not anyway.
    fn pin(&self) -> Result<()>;

    /// How big it is: for people, and for programs.
    fn stats(&self) -> Result<(Vec<String>, Value)>;
}

/// What a watch is to tell.
#[derive(Clone, Debug)]
pub(crate) struct WatchWanted {
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) prefix: Option<Vec<u8>>,
    /// The first commit; without it the oldest that is retained.
    pub(crate) from: Option<u64>,
    pub(crate) previous: bool,
}

/// A commit, as far as it was watched.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) sequence: u64,
    pub(crate) time: Timestamp,
    pub(crate) changes: Vec<ToldChange>,
}

/// What a commit did to a key.
#[derive(Debug)]
pub(crate) struct ToldChange {
    pub(crate) key: Bytes,
    /// `None` for a delete.
    pub(crate) value: Option<Bytes>,
    pub(crate) deadline: Option<Timestamp>,
    pub(crate) previous: Option<Bytes>,
}

/// Which commits of the batch log are to stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// Those from this one on.
    From(u64),
    /// So many of the newest.
    Newest(u64),
    /// Those that the window leaves.
    Window(Retention),
}

/// A place to alter.
pub(crate) trait Alter: Debug {
    /// What it is called in messages.
    fn name(&self) -> String;

    /// The directory of the store, if it is one of this machine.
    fn directory(&self) -> Option<&Path>;

    /// Whether `key` is there now.
    fn contains(&self, key: &[u8]) -> Result<bool>;

    /// An empty commit.
    fn changes(&self) -> Box<dyn Changes + '_>;

    /// Reads a value that is to be committed here to its end. `broken` makes a failure of an error of the source; `advance` hears
    /// of every piece.
    fn stage(
        &self,
        source: &mut dyn Read,
        broken: &dyn Fn(std::io::Error) -> Failure,
        advance: &dyn Fn(u64),
    ) -> Result<Staged>;

    /// Lets go of the commits that `kept` leaves out; how many those were, and which is the oldest that is left.
    fn prune(&self, kept: Kept) -> Result<(u64, Option<u64>)>;

    /// Drops a namespace.
    fn drop_namespace(&self, name: &str) -> Result<Done>;

    /// Makes durable what was committed softly.
    fn sync(&self) -> Result<()>;
}

/// A commit that is being put together.
pub(crate) trait Changes: Debug {
    /// Makes all of it depend on what `key` is.
    fn require(&mut self, key: &[u8], expect: Expect);

    fn add(&mut self, change: Change<'_>);

    /// Lets it be durable only with the next [`Alter::sync`], where that is any faster.
    fn soft(&mut self);

    /// How many changes there are.
    fn len(&self) -> usize;

    fn commit(self: Box<Self>) -> Result<Done>;
}

/// The first of the `count` newest commits, the newest of all being `last`.
pub(super) fn first_of_newest(count: u64, last: u64) -> u64 {
    (last + 1).saturating_sub(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_counted_from_the_newest_commit() {
        let first = |count| first_of_newest(count, 10);
        assert_eq!([first(0), first(1), first(10), first(11), first(u64::MAX)], [11, 10, 1, 0, 0]);
    }
}
