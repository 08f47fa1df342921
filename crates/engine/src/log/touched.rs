//! Which payloads of a segment have been verified since it was opened: a bit for each place where one can start.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::seams::lock::OnceLock;
use crate::seams::{prefetch, zeroed_words};

/// Bits by offset, in one piece, so that a look at one is a single load.
#[derive(Debug)]
pub(crate) struct Touched {
    /// The bytes of the segment that one bit stands for are two to the power of this.
    granule_log2: u32,
    /// How many words hold all bits.
    count: usize,
    /// Made at the first touch, because most segments of a large store are never read; memory is taken where bits are set.
    words: OnceLock<Box<[AtomicU64]>>,
}

impl Touched {
    /// No bit set, for a segment of `length` bytes whose payloads start on multiples of `granule`, a power of two.
    pub(crate) fn new(length: u64, granule: u64) -> Self {
        let count =
            usize::try_from((length / granule + 1).div_ceil(64)).expect("a segment is mapped as a whole");
        Self { granule_log2: granule.ilog2(), count, words: OnceLock::new() }
    }

    /// Whether the payload at `offset` was verified.
    #[inline]
    pub(crate) fn contains(&self, offset: u64) -> bool {
        let (word, bit) = self.place(offset);
        // Relaxed: the bit guards no other memory; the bytes that it speaks of do not change.
        self.words
            .get()
            .and_then(|words| words.get(word))
            .is_some_and(|word| word.load(Ordering::Relaxed) & bit != 0)
    }

    /// Fetches what [`Self::contains`] looks at into the cache.
    #[inline]
    pub(crate) fn prefetch(&self, offset: u64) {
        if let Some(word) = self.words.get().and_then(|words| words.get(self.place(offset).0)) {
            prefetch(word);
        }
    }

    /// Notes that the payload at `offset` was verified.
    pub(crate) fn insert(&self, offset: u64) {
        let (word, bit) = self.place(offset);
        let words = self.words.get_or_init(|| zeroed_words(self.count));
        if let Some(word) = words.get(word) {
            word.fetch_or(bit, Ordering::Relaxed);
        }
    }

    #[inline]
    fn place(&self, offset: u64) -> (usize, u64) {
        let index = offset >> self.granule_log2;
        (usize::try_from(index / 64).unwrap_or(usize::MAX), 1 << (index % 64))
    }

    /// Heap bytes, those that were not stored to yet among them.
    pub(crate) fn memory_bytes(&self) -> u64 {
        self.words.get().map_or(0, |words| size_of_val(&**words) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::Touched;

    #[test]
    fn bits_are_apart() {
        let touched = Touched::new(1 << 20, 8);
        for offset in [128, 136, 262_144, (1 << 20) - 8] {
            assert!(!touched.contains(offset));
            touched.insert(offset);
            assert!(touched.contains(offset));
            assert!(!touched.contains(offset + 8));
        }
        assert!(!touched.contains(1 << 40), "past the end");
        assert_eq!(touched.memory_bytes(), ((1 << 20) / 8 / 64 + 1) * 8);
    }
}
