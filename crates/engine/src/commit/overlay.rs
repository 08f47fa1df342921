//! What the earlier commits of a group did, before the index knows of it.
//!
//! Invariant: a commit that is refused leaves no trace: its changes are taken back in reverse order.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Bound;

use super::item::{Item, ItemKey, ItemValue};
use crate::batch::is_between;
use crate::format::entry::Subject;
use crate::index::Space;
use crate::keyspace::Keyspace;
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
    /// Of the store's own keyspace, and of namespaces in their full form.
    keys: HashMap<Cow<'g, [u8]>, Pending<'g>>,
    named: HashMap<Cow<'g, [u8]>, Pending<'g>>,
    hashes: HashMap<(Keyspace, u64), Pending<'g>>,
    /// Subjects in those above (or once there) by the hashes by which the index finds them.
    by_hash: HashMap<u64, Vec<Owner<'g>>>,
    undo: Vec<(Owner<'g>, Option<Pending<'g>>)>,
}

/// What a pending entry is stored under.
#[derive(Clone, Debug)]
pub(crate) enum Owner<'g> {
    /// A key as the index names it.
    Key(Space, Cow<'g, [u8]>),
    Hash(Keyspace, u64),
}

impl<'g> Overlay<'g> {
    pub(crate) fn get(&self, subject: Subject<'_>) -> Option<&Pending<'g>> {
        match subject {
            Subject::Key(key) => self.keys.get(key),
            Subject::Named(full) => self.named.get(full),
            Subject::Hash(hash) => self.hashes.get(&(Keyspace::OWN, hash)),
            Subject::NamedHash(namespace, hash) => self.hashes.get(&(namespace, hash)),
            Subject::System(_) => None,
        }
    }

    /// The subjects of a keyspace with this hash, by which the index finds them, that a commit of the group wrote.
    pub(crate) fn with_hash(&self, keyspace: Keyspace, hash: u64) -> impl Iterator<Item = &Owner<'g>> {
        let held = self.by_hash.get(&hash).map_or(&[][..], Vec::as_slice);
        held.iter().filter(move |owner| match owner {
            Owner::Key(space, key) => space.keyspace(key) == keyspace,
            Owner::Hash(held, _) => *held == keyspace,
        })
    }

    /// The keys between the bounds, as the index names them, that a commit of the group wrote.
    pub(crate) fn keys_between<'o>(
        &'o self,
        space: Space,
        lower: Bound<&'o [u8]>,
        upper: Bound<&'o [u8]>,
    ) -> impl Iterator<Item = &'o [u8]> {
        let keys = if space == Space::Named { &self.named } else { &self.keys };
        keys.keys().map(|key| &**key).filter(move |key| is_between(key, lower, upper))
    }

    /// Records what `item` of the commit `sequence` does.
    pub(crate) fn record(&mut self, item: &Item<'g>, sequence: Sequence) {
        let pending = match &item.value {
            ItemValue::Tombstone => Pending::Deleted,
            value => Pending::Live { value: value.clone(), deadline: item.deadline, sequence },
        };
        let owner = match &item.key {
            ItemKey::Key(key) => Owner::Key(Space::Keys, Cow::Borrowed(key)),
            ItemKey::Found(space, key) => Owner::Key(*space, Cow::Owned(key.to_vec())),
            ItemKey::Hash(_) | ItemKey::NamedHash(_) => match item.entry().subject {
                Subject::NamedHash(namespace, hash) => Owner::Hash(namespace, hash),
                _ => Owner::Hash(Keyspace::OWN, item.hash),
            },
            // Nothing depends on them.
            ItemKey::System(_) | ItemKey::OwnSystem(_) => return,
        };
        let before = self.set(owner.clone(), pending);
        if before.is_none() {
            self.by_hash.entry(item.hash).or_default().push(owner.clone());
        }
        self.undo.push((owner, before));
    }

    fn set(&mut self, owner: Owner<'g>, pending: Pending<'g>) -> Option<Pending<'g>> {
        match owner {
            Owner::Key(Space::Named, full) => self.named.insert(full, pending),
            Owner::Key(_, key) => self.keys.insert(key, pending),
            Owner::Hash(keyspace, hash) => self.hashes.insert((keyspace, hash), pending),
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
                (None, Owner::Key(Space::Named, full)) => drop(self.named.remove(&full)),
                (None, Owner::Key(_, key)) => drop(self.keys.remove(&key)),
                (None, Owner::Hash(keyspace, hash)) => drop(self.hashes.remove(&(keyspace, hash))),
            }
        }
    }
}
