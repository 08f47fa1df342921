//! Which payloads of a segment have been verified since it was opened: a bit for each place where one can start.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::seams::lock::OnceLock;

const WORDS: usize = 512;

type Page = Box<[AtomicU64; WORDS]>;

/// Bits by offset, allocated a page at a time where payloads are touched.
#[derive(Debug)]
pub(crate) struct Touched {
    /// Bytes of the segment that one bit stands for.
    granule: u64,
    /// How many pages there can be.
    count: u64,
    /// Made at the first touch: by then the segment is mapped, so its length is that of the file.
    pages: OnceLock<Box<[OnceLock<Page>]>>,
}

impl Touched {
    /// No bit set, for a segment of `length` bytes whose payloads start on multiples of `granule`.
    pub(crate) fn new(length: u64, granule: u64) -> Self {
        let bits = length / granule + 1;
        Self { granule, count: bits.div_ceil(64 * WORDS as u64), pages: OnceLock::new() }
    }

    /// Whether the payload at `offset` was verified.
    pub(crate) fn contains(&self, offset: u64) -> bool {
        let (page, word, bit) = self.place(offset);
        self.pages
            .get()
            .and_then(|pages| pages.get(page))
            .and_then(OnceLock::get)
            // Relaxed: the bit guards no other memory; the bytes that it speaks of do not change.
            .is_some_and(|page| page[word].load(Ordering::Relaxed) & bit != 0)
    }

    /// Notes that the payload at `offset` was verified.
    pub(crate) fn insert(&self, offset: u64) {
        let (page, word, bit) = self.place(offset);
        let pages = self.pages.get_or_init(|| (0..self.count).map(|_| OnceLock::new()).collect());
        if let Some(page) = pages.get(page) {
            let words = page.get_or_init(|| Box::new([const { AtomicU64::new(0) }; WORDS]));
            words[word].fetch_or(bit, Ordering::Relaxed);
        }
    }

    fn place(&self, offset: u64) -> (usize, usize, u64) {
        let index = offset / self.granule;
        let word = usize::try_from(index / 64).unwrap_or(usize::MAX);
        (word / WORDS, word % WORDS, 1 << (index % 64))
    }

    /// Heap bytes in use.
    pub(crate) fn memory_bytes(&self) -> u64 {
        let Some(pages) = self.pages.get() else { return 0 };
        let filled = pages.iter().filter(|page| page.get().is_some()).count();
        (filled * WORDS * 8 + pages.len() * size_of::<OnceLock<Page>>()) as u64
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
        assert!(touched.memory_bytes() >= 3 * 4096);
    }
}
