//! What the earlier commits of a group did, before the index knows of it.
//!
//! Invariant: a commit that is refused leaves no trace: its changes are taken back in reverse order.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Bound;

use super::item::{Item, ItemKey, ItemValue};
use crate::batch::is_between;
use crate::format::entry::Subject;
use crate::numbers::{Sequence, Timestamp};

/// An entry as a commit of this group left it.
#[derive(Clone, Debug)]
pub(crate) enum Pending<'g> {
    Deleted,
    Live { value: ItemValue<'g>, deadline: Option<Timestamp>, sequence: Sequence },
}

/// The changes of a group so far.
#[derive(Debug, Default)]
pub(crate) struct Overlay<'g> {
    keys: HashMap<Cow<'g, [u8]>, Pending<'g>>,
    hashes: HashMap<u64, Pending<'g>>,
    /// Subjects in the two above (or once there) by key hash.
    by_hash: HashMap<u64, Vec<Owner<'g>>>,
    undo: Vec<(Owner<'g>, Option<Pending<'g>>)>,
}

/// What a pending entry is stored under.
#[derive(Clone, Debug)]
pub(crate) enum Owner<'g> {
    Key(Cow<'g, [u8]>),
    Hash(u64),
}

impl<'g> Overlay<'g> {
    pub(crate) fn get(&self, subject: Subject<'_>) -> Option<&Pending<'g>> {
        match subject {
            Subject::Key(key) => self.keys.get(key),
            Subject::Hash(hash) => self.hashes.get(&hash),
            Subject::System(_) => None,
        }
    }

    /// The subjects with this hash that a commit of the group wrote.
    pub(crate) fn with_hash(&self, hash: u64) -> &[Owner<'g>] {
        self.by_hash.get(&hash).map_or(&[], Vec::as_slice)
    }

    /// The keys between the bounds that a commit of the group wrote.
    pub(crate) fn keys_between<'o>(
        &'o self,
        lower: Bound<&'o [u8]>,
        upper: Bound<&'o [u8]>,
    ) -> impl Iterator<Item = &'o [u8]> {
        self.keys.keys().map(|key| &**key).filter(move |key| is_between(key, lower, upper))
    }

    /// Records what `item` of the commit `sequence` does.
    pub(crate) fn record(&mut self, item: &Item<'g>, sequence: Sequence) {
        let pending = match &item.value {
            ItemValue::Tombstone => Pending::Deleted,
            value => Pending::Live { value: value.clone(), deadline: item.deadline, sequence },
        };
        let owner = match &item.key {
            ItemKey::Key(key) => Owner::Key(Cow::Borrowed(key)),
            ItemKey::Found(key) => Owner::Key(Cow::Owned(key.to_vec())),
            ItemKey::Hash(_) => Owner::Hash(item.hash),
            // Nothing depends on them.
            ItemKey::System(_) => return,
        };
        let before = self.set(owner.clone(), pending);
        if before.is_none() {
            self.by_hash.entry(item.hash).or_default().push(owner.clone());
        }
        self.undo.push((owner, before));
    }

    fn set(&mut self, owner: Owner<'g>, pending: Pending<'g>) -> Option<Pending<'g>> {
        match owner {
            Owner::Key(key) => self.keys.insert(key, pending),
            Owner::Hash(hash) => self.hashes.insert(hash, pending),
        }
    }

    /// Keeps what the current commit did.
    pub(crate) fn keep(&mut self) {
        self.undo.clear();
    }

    /// Takes back what the current commit did.
    pub(crate) fn take_back(&mut self) {
        while let Some((owner, before)) = self.undo.pop() {
            match (before, owner) {
                (Some(pending), owner) => drop(self.set(owner, pending)),
                (None, Owner::Key(key)) => drop(self.keys.remove(&key)),
                (None, Owner::Hash(hash)) => drop(self.hashes.remove(&hash)),
            }
        }
    }
}
