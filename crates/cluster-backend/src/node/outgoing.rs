//! Ids for requests whose callers gave none, so that this node can repeat them after a change of leader.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use pentad_client::wire;

use crate::error::Result;
use crate::random;

/// The node as a client of its cluster.
#[derive(Debug)]
pub(super) struct Outgoing {
    client: Bytes,
    numbers: Mutex<Numbers>,
}

#[derive(Debug, Default)]
struct Numbers {
    last: u64,
    /// Those that may still be repeated.
    open: BTreeSet<u64>,
}

impl Outgoing {
    /// A client that there never was before: numbers of an earlier run mean nothing to it.
    pub(super) fn new() -> Result<Self> {
        Ok(Self { client: random::id()?.to_vec().into(), numbers: Mutex::default() })
    }

    /// Takes a number for a request. It is settled when the guard goes.
    pub(super) fn begin(&self) -> Open<'_> {
        let mut numbers = self.numbers.lock().unwrap_or_else(PoisonError::into_inner);
        numbers.last += 1;
        let number = numbers.last;
        numbers.open.insert(number);
        let settled_below = numbers.open.first().copied().unwrap_or(number);
        Open { outgoing: self, id: wire::RequestId { client: self.client.clone(), number, settled_below } }
    }
}

/// A request that may be repeated as long as this lives.
pub(super) struct Open<'a> {
    outgoing: &'a Outgoing,
    pub(super) id: wire::RequestId,
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        let mut numbers = self.outgoing.numbers.lock().unwrap_or_else(PoisonError::into_inner);
        numbers.open.remove(&self.id.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f19_only_what_nobody_repeats_is_settled() {
        let outgoing = Outgoing::new().expect("random bytes");
        let first = outgoing.begin();
        let second = outgoing.begin();
        assert_eq!((first.id.number, first.id.settled_below), (1, 1));
        assert_eq!((second.id.number, second.id.settled_below), (2, 1));
        drop(second);
        assert_eq!(outgoing.begin().id.settled_below, 1);
        drop(first);
        assert_eq!(outgoing.begin().id.settled_below, 4);
    }
}
