//! What compaction asks: which entries of a segment are still wanted, and in what order their keys come.
//!
//! Invariant: an entry of which it is said that nobody wants it is wanted by nobody ever after: what has been replaced and
//! dropped does not come back.

use super::entries::{Entries, Entry};
use super::facade::Index;
use super::key::Space;
use super::key_order::{KeyPiece, sort};
use crate::address::Address;

impl<E: Entries> Index<E> {
    /// Whether the entry at `address` is the newest version of its key. A "no" counts only while nobody changes the index.
    pub(crate) fn is_newest(&self, space: Space, key: &[u8], hash: u64, address: Address) -> bool {
        match self.crowds.read(hash, |crowd| crowd.find(space, key)) {
            Some(newest) => newest == Some(address),
            None => self.slots.find(hash, |found| found == address).is_some(),
        }
    }

    /// Tells for each of these entries, given with the hashes of their keys, whether it is the newest of its key after all or
    /// some view may still see it.
    pub(crate) fn tell_wanted(&self, entries: &[(u64, Address)], mut tell: impl FnMut(bool)) {
        /// Entries that are asked for under one hold of the lock.
        const SLICE: usize = 64;
        for slice in entries.chunks(SLICE) {
            // Nothing is split or crowded meanwhile, so that no entry is missed on its way from one place to another.
            let mut garbage = self.writer();
            for &(hash, address) in slice {
                let is_newest = if self.crowds.has(hash) {
                    let newest = |entry: &Entry<'_>| self.is_newest(entry.space, entry.key, hash, address);
                    self.entries.show(address, newest).unwrap_or(false)
                } else {
                    self.slots.find(hash, |found| found == address).is_some()
                };
                tell(is_newest || garbage.holds(address));
            }
        }
    }

    /// Notes that compaction copied the entry at `from` to `to`; returns the bytes that it takes there, or `None` if nobody
    /// wants it any more. See [`Index::relocate`].
    pub(crate) fn relocate_entry(&self, from: Address, to: Address) -> Option<u64> {
        self.entries
            .show(to, |entry| {
                let moved = self.relocate(entry.space, entry.key, entry.hash(), from, (to, entry.bytes));
                moved.then_some(entry.bytes)
            })
            .flatten()
    }

    /// Notes that compaction copied the tombstone at `from`, which nobody wants for itself, to `to`. The runs may still hold an
    /// older version of its key, which would show again if they lost sight of what hides it.
    pub(crate) fn relocate_hiding(&self, from: Address, to: Address) {
        self.entries.show(to, |entry| {
            let _writer = self.writer();
            self.ordered(entry.space).relocate(entry.key, from, to)
        });
    }

    /// Shows the entry at `address`; `None` when its segment has gone.
    pub(crate) fn show<R>(&self, address: Address, read: impl FnOnce(&Entry<'_>) -> R) -> Option<R> {
        self.entries.show(address, read)
    }

    /// Sorts entries of one space by key; the pieces are those of [`KeyPiece::of`]. Afterwards [`KeyPiece::is_same_key`] tells
    /// which stand side by side because they have the same key.
    pub(crate) fn sort_by_key<T: Copy>(
        &self,
        space: Space,
        entries: &mut [T],
        address: impl Fn(&T) -> Address,
        piece: impl Fn(&mut T) -> &mut KeyPiece,
    ) {
        sort(entries, &self.keys_of(space), address, piece);
    }
}
