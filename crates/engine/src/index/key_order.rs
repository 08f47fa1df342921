//! Sorting entries by keys that stand in the log.
//!
//! Each entry carries eight bytes of its key; only where those of several entries are the same are the next eight fetched,
//! so that a key is read in the log about as often as its first eight bytes are shared. (Multikey quicksort on words: J.
//! Bentley and R. Sedgewick, "Fast algorithms for sorting and searching strings", 1997.)

use super::runs::Keys;
use crate::address::Address;

const WORD: usize = 8;

/// Eight bytes of a key, padded with zeros, and how many of them are of the key: 9 when it goes on behind them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct KeyPiece {
    word: u64,
    length: u8,
    /// Set by [`sort`]: the key is that of the entry before.
    is_same: bool,
}

impl KeyPiece {
    /// The first piece of a key.
    pub(crate) fn of(key: &[u8]) -> Self {
        Self::at(key, 0)
    }

    fn at(key: &[u8], depth: usize) -> Self {
        let rest = key.get(depth..).unwrap_or_default();
        let length = rest.len().min(WORD);
        let mut word = [0; WORD];
        word[..length].copy_from_slice(&rest[..length]);
        let length = u8::try_from(rest.len().min(WORD + 1)).expect("at most nine");
        Self { word: u64::from_be_bytes(word), length, is_same: false }
    }

    /// After sorting: whether the key is the same as that of the entry before.
    pub(crate) fn is_same_key(self) -> bool {
        self.is_same
    }

    fn goes_on(self) -> bool {
        usize::from(self.length) > WORD
    }

    fn rank(self) -> (u64, u8) {
        (self.word, self.length)
    }
}

/// Sorts by key; the pieces are those of [`KeyPiece::of`]. Entries of one key stand side by side, in no particular order.
pub(super) fn sort<T>(
    entries: &mut [T],
    keys: &impl Keys,
    address: impl Fn(&T) -> Address,
    piece: impl Fn(&mut T) -> &mut KeyPiece,
) where
    T: Copy,
{
    let mut open = vec![(0, entries.len(), 0)];
    while let Some((start, end, depth)) = open.pop() {
        let part = &mut entries[start..end];
        if depth > 0 {
            for entry in part.iter_mut() {
                let at = address(entry);
                *piece(entry) = keys.key(at, |key| KeyPiece::at(key, depth)).unwrap_or(KeyPiece::of(b""));
            }
        }
        let rank = |entry: &T| piece(&mut { *entry }).rank();
        part.sort_unstable_by_key(rank);
        let mut group = 0;
        while group < part.len() {
            let first = *piece(&mut part[group]);
            let length = part[group..].iter().take_while(|entry| rank(entry) == first.rank()).count();
            if length > 1 && first.goes_on() {
                open.push((start + group, start + group + length, depth + WORD));
            } else {
                for entry in &mut part[group + 1..group + length] {
                    piece(entry).is_same = true;
                }
            }
            group += length;
        }
    }
}
