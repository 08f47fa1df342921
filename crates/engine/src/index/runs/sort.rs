//! Sorting the entries of a whole store by key, the keys being in the log.
//!
//! Invariant: every key is read a bounded number of times: entries are sorted by eight bytes of their keys, and each
//! group that ties is sorted by the eight bytes behind what its keys share; small groups by keys copied at once.

use std::cmp::Ordering;

use super::cell::Mark;
use super::keys::Keys;
use super::stem::shared;
use super::window::Window;
use crate::address::Address;

/// Entries of a group whose keys are copied.
const COPIED_MAX: usize = 4096;

/// Bytes of keys that are copied at a time.
const COPIED_BYTES_MAX: usize = 4 << 20;

/// How far ahead keys are touched.
const AHEAD: usize = 16;

/// An entry to sort.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The first eight bytes of the key, big-endian, with zeros behind a shorter one.
    pub(crate) piece: u64,
    pub(crate) address: Address,
    pub(crate) mark: Mark,
}

impl Entry {
    /// An entry with this key.
    pub(crate) fn new(key: &[u8], address: Address, mark: Mark) -> Self {
        Self { piece: Window::of(key).piece, address, mark }
    }
}

/// Sorts entries by key, and entries with one key by `rank`, which puts the newer one first. `None` when a key has
/// gone; the entries are then in some order.
pub(crate) fn sort_entries(
    entries: &mut [Entry],
    keys: &impl Keys,
    rank: &impl Fn(Address, Address) -> Ordering,
) -> Option<()> {
    entries.sort_unstable_by_key(|entry| entry.piece);
    let mut copies = Copies::default();
    let mut start = 0;
    while start < entries.len() {
        let end = end_of_group(entries, start);
        if end - start > 1 {
            sort_group(&mut entries[start..end], keys, rank, &mut copies)?;
        }
        start = end;
    }
    Some(())
}

fn end_of_group(entries: &[Entry], start: usize) -> usize {
    let piece = entries[start].piece;
    start + entries[start..].iter().take_while(|entry| entry.piece == piece).count()
}

/// Keys copied out of the log, end to end.
#[derive(Debug, Default)]
struct Copies {
    bytes: Vec<u8>,
    ends: Vec<(usize, usize, Entry)>,
}

/// Sorts entries whose pieces are equal.
fn sort_group(
    group: &mut [Entry],
    keys: &impl Keys,
    rank: &impl Fn(Address, Address) -> Ordering,
    copies: &mut Copies,
) -> Option<()> {
    // Groups within groups are worked off from a list: keys may share much, and a stack is short.
    let mut groups = std::iter::once(0..group.len()).collect::<Vec<_>>();
    while let Some(range) = groups.pop() {
        let group = &mut group[range.clone()];
        if group.len() <= COPIED_MAX && sort_copied(group, keys, rank, copies)? {
            continue;
        }
        let mut first = Vec::new();
        keys.key(group[0].address, |key| first.extend_from_slice(key))?;
        let mut place = first.len();
        for at in 1..group.len() {
            touch_ahead(group, at, keys);
            place = place.min(keys.key(group[at].address, |key| shared(&first[..place], key))?);
        }
        for at in 0..group.len() {
            touch_ahead(group, at, keys);
            let window = keys.key(group[at].address, |key| Window::of(&key[place..]))?;
            group[at].piece = window.piece;
        }
        group.sort_unstable_by_key(|entry| entry.piece);
        let is_split = group[0].piece != group[group.len() - 1].piece;
        if !is_split {
            // What they do not share is zeros, or nothing at all.
            sort_slowly(group, keys, rank)?;
            continue;
        }
        let mut start = 0;
        while start < group.len() {
            let end = end_of_group(group, start);
            if end - start > 1 {
                groups.push(range.start + start..range.start + end);
            }
            start = end;
        }
    }
    Some(())
}

fn touch_ahead(group: &[Entry], at: usize, keys: &impl Keys) {
    if let Some(entry) = group.get(at + AHEAD) {
        keys.touch(entry.address);
    }
}

/// Sorts by copies of the keys; false when these would take too much.
fn sort_copied(
    group: &mut [Entry],
    keys: &impl Keys,
    rank: &impl Fn(Address, Address) -> Ordering,
    copies: &mut Copies,
) -> Option<bool> {
    let Copies { bytes, ends } = copies;
    bytes.clear();
    ends.clear();
    for at in 0..group.len() {
        touch_ahead(group, at, keys);
        let start = bytes.len();
        keys.key(group[at].address, |key| bytes.extend_from_slice(key))?;
        ends.push((start, bytes.len(), group[at]));
        if bytes.len() > COPIED_BYTES_MAX {
            return Some(false);
        }
    }
    ends.sort_unstable_by(|left, right| {
        let (ours, theirs) = (&bytes[left.0..left.1], &bytes[right.0..right.1]);
        ours.cmp(theirs).then_with(|| rank(left.2.address, right.2.address))
    });
    for (entry, (_, _, sorted)) in group.iter_mut().zip(ends.iter()) {
        *entry = *sorted;
    }
    Some(true)
}

/// Sorts by keys read for each comparison.
fn sort_slowly(
    group: &mut [Entry],
    keys: &impl Keys,
    rank: &impl Fn(Address, Address) -> Ordering,
) -> Option<()> {
    let mut has_gone = false;
    group.sort_by(|left, right| {
        let order = keys.key(left.address, |ours| keys.key(right.address, |theirs| ours.cmp(theirs)));
        let order = order.flatten().unwrap_or_else(|| {
            has_gone = true;
            Ordering::Equal
        });
        order.then_with(|| rank(left.address, right.address))
    });
    (!has_gone).then_some(())
}
