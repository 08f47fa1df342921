//! The bytes that all keys of a block begin with: those of its run, then its own.
//!
//! Invariant: a stem is a prefix of every key of its block, and at most [`STEM_MAX`] bytes longer than its run's
//! prefix, so that a few keys that share very much cannot fill the memory.

/// Bytes of a stem behind the prefix of its run, at most. Keys that share more are told apart by reading the log.
pub(super) const STEM_MAX: usize = 256;

/// See the module.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stem<'a> {
    /// What all keys of the run share.
    pub(super) run: &'a [u8],
    /// What the keys of the block share behind that.
    pub(super) block: &'a [u8],
}

impl<'a> Stem<'a> {
    #[inline]
    pub(super) fn len(self) -> usize {
        self.run.len() + self.block.len()
    }

    /// The bytes from `place` to the end of the part in which it lies; empty at the end alone.
    #[inline]
    fn part_from(self, place: usize) -> &'a [u8] {
        match place.checked_sub(self.run.len()) {
            None => &self.run[place..],
            Some(place) => &self.block[place..],
        }
    }

    /// The bytes that both begin with.
    pub(super) fn shared(self, other: Self) -> usize {
        let mut place = 0;
        loop {
            let (ours, theirs) = (self.part_from(place), other.part_from(place));
            let both = ours.len().min(theirs.len());
            let same = shared(&ours[..both], &theirs[..both]);
            place += same;
            if both == 0 || same < both {
                return place;
            }
        }
    }

    /// The byte at `place`, which lies within the stem.
    pub(super) fn byte(self, place: usize) -> u8 {
        self.part_from(place)[0]
    }

    /// Up to eight bytes from `place` on, the first in the highest place.
    pub(super) fn front(self, place: usize) -> u64 {
        let mut bytes = [0; 8];
        let mut filled = 0;
        while filled < bytes.len() {
            let part = self.part_from(place + filled);
            let taken = part.len().min(bytes.len() - filled);
            if taken == 0 {
                break;
            }
            bytes[filled..filled + taken].copy_from_slice(&part[..taken]);
            filled += taken;
        }
        u64::from_be_bytes(bytes)
    }

    /// Writes the bytes from `place` on behind what is in `out`.
    pub(super) fn write_from(self, place: usize, out: &mut Vec<u8>) {
        let first = self.part_from(place);
        out.extend_from_slice(first);
        if place < self.run.len() {
            out.extend_from_slice(self.block);
        }
    }
}

/// The bytes that both slices begin with.
#[inline]
pub(super) fn shared(left: &[u8], right: &[u8]) -> usize {
    let (lefts, _) = left.as_chunks::<8>();
    let (rights, _) = right.as_chunks::<8>();
    for (at, (ours, theirs)) in lefts.iter().zip(rights).enumerate() {
        let differing = u64::from_le_bytes(*ours) ^ u64::from_le_bytes(*theirs);
        if differing != 0 {
            return at * 8 + usize::try_from(differing.trailing_zeros() / 8).expect("below eight");
        }
    }
    let done = lefts.len().min(rights.len()) * 8;
    done + left[done..].iter().zip(&right[done..]).take_while(|(ours, theirs)| ours == theirs).count()
}
