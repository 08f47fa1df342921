//! What clients asked of a cluster and what they were told, with the times of both.
//!
//! Invariant: an operation whose outcome its client does not know has no return; it may take effect at any time after it was
//! invoked, or never. One that was refused, so that it certainly had no effect, is not in the history at all.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Instant;

/// Values are numbers, each written once in a run, so that a read tells which write it saw.
pub(crate) type Value = u64;

/// What was asked for, of one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Put(Value),
    Delete,
    /// What was read.
    Get(Option<Value>),
    /// What was expected and put, and whether the answer was yes; without one it may have been either.
    Swap {
        expected: Option<Value>,
        new: Value,
        swapped: Option<bool>,
    },
}

/// An action and when it was under way, in nanoseconds since the run began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Operation {
    pub(crate) action: Action,
    pub(crate) invoked_ns: u64,
    /// `None` when the client never learnt the outcome.
    pub(crate) returned_ns: Option<u64>,
}

/// All operations of a run, by key.
#[derive(Debug)]
pub(crate) struct History {
    began: Instant,
    keys: Mutex<BTreeMap<String, Vec<Operation>>>,
}

impl History {
    pub(crate) fn new() -> Self {
        Self { began: Instant::now(), keys: Mutex::default() }
    }

    /// The time, as operations are stamped with it.
    pub(crate) fn now_ns(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_nanos()).expect("a run takes no centuries")
    }

    /// Notes an operation that was answered just now.
    pub(crate) fn returned(&self, key: &str, invoked_ns: u64, action: Action) {
        self.note(key, Operation { action, invoked_ns, returned_ns: Some(self.now_ns()) });
    }

    /// Notes a write that may or may not have happened, or may yet.
    pub(crate) fn unknown(&self, key: &str, invoked_ns: u64, action: Action) {
        self.note(key, Operation { action, invoked_ns, returned_ns: None });
    }

    fn note(&self, key: &str, operation: Operation) {
        self.keys.lock().unwrap().entry(key.to_owned()).or_default().push(operation);
    }

    /// The operations of every key.
    pub(crate) fn into_keys(self) -> BTreeMap<String, Vec<Operation>> {
        self.keys.into_inner().unwrap()
    }
}
