//! What the runs ask of the world: the key behind an address, and which versions nobody can see any more.
//!
//! The runs hold neither keys nor sequences. Both questions go to the owner of the log, and both are expensive
//! beside the work done here (a key read is a cache miss), so they are asked on ties alone.

use crate::address::Address;

/// Why there is no key behind an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    /// Its segment has gone: it was moved, or nobody wants it any more.
    Gone,
    /// It cannot be read: the version is there, and whose it is nobody knows.
    Damaged,
}

/// The keys behind addresses.
pub(crate) trait Keys {
    /// Calls `read` with the key of the entry at `address`. An address that was moved is readable in its new place
    /// before [`Runs::relocate`](super::Runs::relocate) is called, and in its old one until every live entry of the
    /// segment was relocated.
    ///
    /// # Errors
    ///
    /// Without a call, when there is no key to be read.
    fn key<R>(&self, address: Address, read: impl FnOnce(&[u8]) -> R) -> Result<R, Missing>;

    /// Something to call with addresses whose keys are read soon; an implementation may fetch them into the cache.
    fn toucher(&self) -> impl FnMut(Address) {
        |_| {}
    }
}

/// What a merge may leave out. Called with versions of one key.
pub(crate) trait Keep {
    /// Whether nobody can see `older` any more, `newer` being the version that follows it in the list of versions
    /// (which may itself be one that goes).
    fn superseded(&self, newer: Address, older: Address) -> bool;

    /// Whether the tombstone at `address`, which covers no version in the runs any more, may go: no surviving
    /// segment holds an older version, and no view lies below it. Asked only where the merge takes in the oldest run.
    fn tombstone_may_go(&self, address: Address) -> bool;
}

/// Leaves nothing out.
#[cfg(test)]
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeepAll;

#[cfg(test)]
impl Keep for KeepAll {
    fn superseded(&self, _newer: Address, _older: Address) -> bool {
        false
    }

    fn tombstone_may_go(&self, _address: Address) -> bool {
        false
    }
}
