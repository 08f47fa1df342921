//! Faults that a test orders: which operation fails, when, how, and whether it goes on failing.

use std::io;

/// A kind of disk operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// Opening an existing file.
    Open,
    /// Creating a file.
    Create,
    /// Creating a directory.
    CreateDir,
    /// Reading from a file.
    Read,
    /// Writing to a file.
    Write,
    /// Reserving blocks.
    Allocate,
    /// Setting a length.
    SetLength,
    /// Syncing a file.
    Sync,
    /// Mapping a file.
    Map,
    /// Renaming.
    Rename,
    /// Removing a file or directory.
    Remove,
    /// Syncing a directory.
    SyncDir,
    /// Taking a lock.
    Lock,
    /// Looking at names and lengths: `kind`, `list`, `canonicalize`, `length`.
    Look,
}

impl Op {
    /// Whether the operation changes something or makes a change durable: the points at which a crash differs.
    pub fn is_mutating(self) -> bool {
        !matches!(self, Self::Open | Self::Read | Self::Map | Self::Lock | Self::Look)
    }
}

/// What a fault does to its operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Fails with this error. A failed write, allocation, rename or removal changed nothing. A failed sync leaves a
    /// random part of what was pending on the medium and forgets the rest for good.
    Error(io::ErrorKind),
    /// A read or write moves half of the bytes, at least one, and says so; on other operations nothing.
    Short,
    /// Fails with `Interrupted`; nothing happened, the sync's pending changes included.
    Interrupted,
}

/// How often a fault strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// One time.
    Once,
    /// From then on every time.
    Always,
}

/// A fault to inject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The operation.
    pub on: Op,
    /// Which of them after the injection, counted from 1.
    pub nth: u64,
    /// What happens to it.
    pub effect: Effect,
    /// Whether once or for ever.
    pub repeat: Repeat,
}

impl Fault {
    /// The `nth` operation `on` from now fails once, with `kind`.
    pub fn error(on: Op, nth: u64, kind: io::ErrorKind) -> Self {
        Self { on, nth, effect: Effect::Error(kind), repeat: Repeat::Once }
    }

    /// The same, and every one after it too.
    pub fn always(mut self) -> Self {
        self.repeat = Repeat::Always;
        self
    }
}

/// The faults that are waiting.
#[derive(Debug, Default)]
pub(super) struct Faults {
    waiting: Vec<Fault>,
}

impl Faults {
    pub(super) fn add(&mut self, fault: Fault) {
        self.waiting.push(fault);
    }

    pub(super) fn take(&mut self) -> Vec<Fault> {
        std::mem::take(&mut self.waiting)
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// What befalls the operation that is starting; the first fault that is due wins.
    pub(super) fn strike(&mut self, op: Op) -> Option<Effect> {
        let mut effect = None;
        self.waiting.retain_mut(|fault| {
            if fault.on != op {
                return true;
            }
            fault.nth = fault.nth.saturating_sub(1);
            if fault.nth > 0 {
                return true;
            }
            effect = effect.or(Some(fault.effect));
            fault.repeat == Repeat::Always
        });
        effect
    }
}
