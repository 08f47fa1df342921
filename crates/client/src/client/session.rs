//! The numbers of a client's writes.
//!
//! Invariants: the id is drawn anew for every session and never kept, because numbers begin at 1: under an id of an earlier session a
//! new write would be taken for a repetition of an old one. A number is given once. It is settled when its write was answered or given up: the client will not send it again, so
//! nodes may forget its result, and refuse it if it still arrives.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;

use crate::wire::{Failure, FailureKind, RequestId};

/// The writes of one client.
#[derive(Debug)]
pub(super) struct Session {
    client: Bytes,
    numbers: Mutex<Numbers>,
}

#[derive(Debug)]
struct Numbers {
    next: u64,
    open: BTreeSet<u64>,
}

impl Session {
    /// A session under a random id.
    pub(super) fn new() -> Result<Self, Failure> {
        let mut id = [0; 16];
        getrandom::fill(&mut id).map_err(|error| {
            Failure::new(FailureKind::Io, format!("the operating system gives no random bytes: {error}"))
        })?;
        let numbers = Numbers { next: 1, open: BTreeSet::new() };
        Ok(Self { client: Bytes::copy_from_slice(&id), numbers: Mutex::new(numbers) })
    }

    /// The next number, open until the guard goes.
    pub(super) fn begin(&self) -> Open<'_> {
        let mut numbers = self.numbers();
        let number = numbers.next;
        numbers.next += 1;
        numbers.open.insert(number);
        let settled_below = numbers.open.first().copied().unwrap_or(number);
        Open { session: self, id: RequestId { client: self.client.clone(), number, settled_below } }
    }

    fn numbers(&self) -> std::sync::MutexGuard<'_, Numbers> {
        // Every change of the numbers is whole before anything could panic.
        self.numbers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A number that may still be sent.
#[derive(Debug)]
pub(super) struct Open<'s> {
    session: &'s Session,
    pub(super) id: RequestId,
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.session.numbers().open.remove(&self.id.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f19_what_may_still_be_repeated_is_not_settled() {
        let session = Session::new().unwrap();
        let first = session.begin();
        let second = session.begin();
        assert_eq!((first.id.number, second.id.number, second.id.settled_below), (1, 2, 1));
        drop(second);
        assert_eq!(session.begin().id.settled_below, 1, "the first is still open");
        drop(first);
        let last = session.begin();
        assert_eq!((last.id.number, last.id.settled_below), (4, 4));
    }

    #[test]
    fn f19_no_two_sessions_have_one_id() {
        let [first, second] = [0, 1].map(|_| Session::new().unwrap());
        assert_ne!(first.begin().id.client, second.begin().id.client);
    }
}
