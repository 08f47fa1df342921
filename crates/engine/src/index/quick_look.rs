//! The quick look: the newest entry of a key where that is found without detours, which is nearly always.
//!
//! Invariant: what it says is so. Whatever it is not sure of, it leaves to [`Index::see_newest`]: damage, entries with flags, a
//! table that is being split, hashes that are crowded.

use super::entries::{Entries, Entry, Look};
use super::facade::Index;
use super::slots::{First, Started};
use crate::address::Address;
use crate::hash::key_hash;

/// The newest entry of a key, as far as a quick look tells.
#[derive(Debug)]
pub(crate) enum Newest<'l> {
    /// This one, of the common kind.
    Plain(Address, Entry<'l>),
    /// The key has none.
    Absent,
    /// [`Index::see_newest`] knows.
    Unsure,
}

/// A lookup that has begun.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Begun<'i> {
    hash: u64,
    started: Option<Started<'i>>,
    first: First,
}

impl Default for Begun<'_> {
    /// One of no key.
    fn default() -> Self {
        Self { hash: 0, started: None, first: First::Unsure }
    }
}

impl<E: Entries> Index<E> {
    /// A look at the log for many reads that follow each other.
    pub(crate) fn look(&self) -> impl Look {
        self.entries.look()
    }

    /// A look at the log for one.
    #[inline]
    pub(crate) fn glance(&self) -> impl Look {
        self.entries.glance()
    }

    /// The newest entry of a key of the user's, where that is found without detours.
    #[inline(always)]
    pub(crate) fn newest_plain<'l>(&self, key: &[u8], hash: u64, look: &'l impl Look) -> Newest<'l> {
        let first = self.slots.first(hash);
        if let First::At(address) = first {
            look.reach(address);
        }
        self.plain_at(first, key, hash, look)
    }

    /// The first of three steps of [`Self::newest_plain`], each of which is made for many keys before the next one, so that
    /// what they have to wait for is on its way all at once.
    #[inline]
    pub(crate) fn begin(&self, hash: u64) -> Begun<'_> {
        Begun { hash, started: Some(self.slots.start_ahead(hash)), first: First::Unsure }
    }

    /// The second: fetches the entry.
    #[inline]
    pub(crate) fn go_on(&self, begun: &mut Begun<'_>, look: &mut impl Look) {
        begun.first = begun.started.map_or(First::Unsure, |started| self.slots.first_from(&started));
        if let First::At(address) = begun.first {
            look.fetch(address);
        }
    }

    /// The third.
    #[inline]
    pub(crate) fn finish<'l>(&self, begun: &Begun<'_>, key: &[u8], look: &'l impl Look) -> Newest<'l> {
        self.plain_at(begun.first, key, begun.hash, look)
    }

    #[inline(always)]
    fn plain_at<'l>(&self, first: First, key: &[u8], hash: u64, look: &'l impl Look) -> Newest<'l> {
        match first {
            // It was the newest entry of its key when it was found.
            First::At(address) => match look.plain(address) {
                Some(entry) if entry.key == key => Newest::Plain(address, entry),
                Some(_) => self.plain_behind_others(key, hash, look),
                None => Newest::Unsure,
            },
            // Otherwise its hash may be a crowded one.
            First::Nowhere if !self.crowds.are_there() => Newest::Absent,
            First::Nowhere | First::Unsure => Newest::Unsure,
        }
    }

    /// The same where entries of other keys with some of these hash bits come first, as one lookup in seventy finds.
    #[inline(never)]
    fn plain_behind_others<'l>(&self, key: &[u8], hash: u64, look: &'l impl Look) -> Newest<'l> {
        let hash_of_another = |address| {
            let other = look.plain(address).filter(|entry| entry.key != key)?;
            Some(key_hash(other.key))
        };
        match self.slots.first_behind_others(hash, hash_of_another) {
            First::At(address) => match look.plain(address) {
                Some(entry) if entry.key == key => Newest::Plain(address, entry),
                _ => Newest::Unsure,
            },
            First::Nowhere if !self.crowds.are_there() => Newest::Absent,
            First::Nowhere | First::Unsure => Newest::Unsure,
        }
    }
}
