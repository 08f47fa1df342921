//! The keys that have expired lately, for those who watch.
//!
//! Invariant: an expiry is told behind the last commit that was applied when it was noticed, and before the next one: that may
//! write the key again. Bounded: the oldest go first, and who has not seen them is told that there were some.

use std::collections::VecDeque;

use bytes::Bytes;

use super::key::Space;
use crate::numbers::{Sequence, Timestamp};

/// Most expiries that are remembered, and most bytes of their keys.
const COUNT_MAX: usize = 16_384;
const BYTES_MAX: usize = 4 << 20;

/// A key that has expired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Expiry {
    pub(crate) space: Space,
    /// As the index names it.
    pub(crate) key: Bytes,
    pub(crate) deadline: Timestamp,
    /// The last commit before it.
    pub(crate) after: Sequence,
}

/// An expiry was forgotten before it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Forgotten;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Told {
    is_on: bool,
    kept: VecDeque<Expiry>,
    /// The number of the first one that is kept, counted from the first that there ever was.
    first: u64,
    bytes: usize,
}

impl Told {
    pub(super) fn is_on(&self) -> bool {
        self.is_on
    }

    /// Begins to remember, or stops and forgets.
    pub(super) fn turn(&mut self, on: bool) {
        self.is_on = on;
        if !on {
            self.first = self.end();
            self.kept = VecDeque::new();
            self.bytes = 0;
        }
    }

    /// Remembers that a key has expired, behind the commit `after`.
    pub(super) fn tell(&mut self, (space, key): (Space, Bytes), deadline: Timestamp, after: Sequence) {
        if !self.is_on {
            return;
        }
        self.bytes += key.len();
        self.kept.push_back(Expiry { space, key, deadline, after });
        while (self.kept.len() > COUNT_MAX || self.bytes > BYTES_MAX)
            && let Some(oldest) = self.kept.pop_front()
        {
            self.bytes -= oldest.key.len();
            self.first += 1;
        }
    }

    /// The number of the next one.
    pub(super) fn end(&self) -> u64 {
        self.first + self.kept.len() as u64
    }

    /// An expiry by its number; `None` if it is yet to come.
    pub(super) fn get(&self, number: u64) -> Result<Option<Expiry>, Forgotten> {
        let at = number.checked_sub(self.first).ok_or(Forgotten)?;
        Ok(usize::try_from(at).ok().and_then(|at| self.kept.get(at)).cloned())
    }
}

#[cfg(test)]
mod tests {
    use super::{COUNT_MAX, Forgotten, Space, Told};
    use crate::numbers::{Sequence, Timestamp};

    #[test]
    fn f12_expiries_are_told_by_number_and_the_oldest_are_forgotten() {
        let mut told = Told::default();
        let tell = |told: &mut Told, name: &[u8]| {
            told.tell((Space::Keys, name.to_vec().into()), Timestamp(5), Sequence(7));
        };
        tell(&mut told, b"nobody listens");
        told.turn(true);
        assert_eq!((told.end(), told.get(0)), (0, Ok(None)));
        tell(&mut told, b"first");
        let first = told.get(0).unwrap().unwrap();
        assert_eq!((&first.key[..], first.deadline, first.after), (&b"first"[..], Timestamp(5), Sequence(7)));
        (0..COUNT_MAX).for_each(|_| tell(&mut told, b"more"));
        assert_eq!(told.get(0), Err(Forgotten));
        assert!(told.get(1).unwrap().is_some() && told.get(told.end()) == Ok(None));
        let long = vec![b'k'; 65_535];
        (0..1000).for_each(|_| tell(&mut told, &long));
        assert!(told.kept.len() < 70 && told.bytes <= super::BYTES_MAX);
        let end = told.end();
        told.turn(false);
        assert_eq!((told.end(), told.get(end), told.get(end - 1)), (end, Ok(None), Err(Forgotten)));
    }
}
