//! Entries that are looked at one behind the other where they stand so, and what is fetched ahead of them.
//!
//! Invariant: every part of the log is asked for once at most as long as the row goes on, and nothing where entries stand
//! here and there.

use crate::address::Address;

/// Bytes that the system is asked for ahead of entries that stand in a row.
pub(super) const FETCH_BYTES: u64 = 256 << 10;

/// Entries that are looked at one behind the other where they stand so, as in compacted segments: the system is told what
/// comes next, because it fetches nothing ahead by itself.
#[derive(Debug, Default)]
pub(super) struct Row {
    last: Option<Address>,
    /// How many stood behind each other.
    length: u32,
    /// The end of what was asked for.
    fetched: u64,
}

impl Row {
    /// Takes in the next entry; says from where on to fetch, if it is time to.
    #[inline]
    pub(super) fn goes_on(&mut self, address: Address) -> Option<u64> {
        /// Where the next entry starts at most this far behind the last one, the two count as a row.
        const GAP_MAX: u64 = 32 << 10;
        /// After so many it is taken to go on.
        const LEAST: u32 = 32;
        let offset = address.offset();
        let follows = self.last.is_some_and(|last| {
            last.slot() == address.slot() && (last.offset()..last.offset() + GAP_MAX).contains(&offset)
        });
        if !follows {
            *self = Self { last: Some(address), ..Self::default() };
            return None;
        }
        self.last = Some(address);
        self.length += 1;
        if self.length < LEAST || offset + FETCH_BYTES / 2 < self.fetched {
            return None;
        }
        let start = self.fetched.max(offset);
        self.fetched = start + FETCH_BYTES;
        Some(start)
    }
}

#[cfg(test)]
mod tests {
    use super::{FETCH_BYTES, Row};
    use crate::address::Address;

    #[test]
    fn what_stands_in_a_row_is_fetched_ahead_once_and_nothing_else_is() {
        let mut row = Row::default();
        let mut fetched = 128;
        for entry in 0..50_000_u64 {
            let offset = 128 + entry * 128;
            if let Some(start) = row.goes_on(Address::at(3, offset)) {
                assert!(start >= fetched && start >= offset, "{start} was fetched before");
                assert!(entry < 100 || start == fetched, "a gap before {start}");
                fetched = start + FETCH_BYTES;
            }
            assert!(entry < 100 || fetched > offset + FETCH_BYTES / 4, "nothing is ahead of {offset}");
        }
        let mut row = Row::default();
        for entry in 1..1000_u64 {
            let somewhere = entry * 7919 % 1000 * (64 << 10);
            assert_eq!(row.goes_on(Address::at(3, somewhere + 128)), None);
            assert_eq!(Row::default().goes_on(Address::at(4, somewhere + 128)), None);
        }
    }
}
