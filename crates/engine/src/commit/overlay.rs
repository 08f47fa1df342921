//! What the earlier commits of a group did, before the index knows of it.
//!
//! Invariant: a commit that is refused leaves no trace: its changes are taken back in reverse order.

use std::collections::HashMap;

use crate::log::frame_writer::{Draft, DraftSubject, DraftValue};
use crate::numbers::{Sequence, Timestamp};

/// An entry as a commit of this group left it.
#[derive(Clone, Debug)]
pub(crate) enum Pending {
    Deleted,
    Live { value: DraftValue, deadline: Option<Timestamp>, sequence: Sequence },
}

/// The changes of a group so far.
#[derive(Debug, Default)]
pub(crate) struct Overlay {
    entries: HashMap<DraftSubject, Pending>,
    /// Subjects in `entries` (or once there) by key hash.
    by_hash: HashMap<u64, Vec<DraftSubject>>,
    undo: Vec<(DraftSubject, Option<Pending>)>,
}

impl Overlay {
    pub(crate) fn get(&self, subject: &DraftSubject) -> Option<&Pending> {
        self.entries.get(subject)
    }

    /// The subjects with this hash that a commit of the group wrote.
    pub(crate) fn with_hash(&self, hash: u64) -> &[DraftSubject] {
        self.by_hash.get(&hash).map_or(&[], Vec::as_slice)
    }

    /// Records what `draft` of the commit `sequence` does.
    pub(crate) fn record(&mut self, draft: &Draft, hash: u64, sequence: Sequence) {
        let pending = match &draft.value {
            DraftValue::Tombstone => Pending::Deleted,
            value => Pending::Live { value: value.clone(), deadline: draft.deadline, sequence },
        };
        let before = self.entries.insert(draft.subject.clone(), pending);
        if before.is_none() {
            self.by_hash.entry(hash).or_default().push(draft.subject.clone());
        }
        self.undo.push((draft.subject.clone(), before));
    }

    /// Keeps what the current commit did.
    pub(crate) fn keep(&mut self) {
        self.undo.clear();
    }

    /// Takes back what the current commit did.
    pub(crate) fn take_back(&mut self) {
        while let Some((subject, before)) = self.undo.pop() {
            match before {
                Some(pending) => self.entries.insert(subject, pending),
                None => self.entries.remove(&subject),
            };
        }
    }
}
