//! Words that are put down one after the other and do not move any more when that is over: on the heap as long as they are few, and
//! in memory of their own where they are many.
//!
//! Invariant: what comes out is what was pushed, wherever it lay meanwhile.

use std::sync::atomic::AtomicU64;

use memmap2::MmapMut;

use super::private_map::{PrivateMap, Slab, large_memory};

/// From so many words on, 1 MiB, they get memory of their own.
const MANY: usize = 128 << 10;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Growing {
    few: Vec<u64>,
    /// Where many of them go.
    place: Option<MmapMut>,
    /// How many bytes of that are in use.
    filled: usize,
}

impl Growing {
    /// Room for about so many words.
    pub(crate) fn with_capacity(words: usize) -> Self {
        let is_many = words >= MANY && cfg!(target_endian = "little");
        // Where there is no such memory, the heap says so.
        let place = words.checked_mul(8).filter(|_| is_many).and_then(|bytes| large_memory(bytes).ok());
        let few = Vec::with_capacity(if place.is_some() { 0 } else { words });
        Self { few, place, filled: 0 }
    }

    /// Puts one more down.
    #[inline]
    pub(crate) fn push(&mut self, word: u64) {
        let end = self.filled + 8;
        match self.place.as_mut().and_then(|place| place.get_mut(self.filled..end)) {
            Some(bytes) => {
                bytes.copy_from_slice(&word.to_le_bytes());
                self.filled = end;
            }
            None => self.push_to_heap(word),
        }
    }

    fn push_to_heap(&mut self, word: u64) {
        if let Some(full) = self.place.take() {
            let words = full[..self.filled].as_chunks::<8>().0;
            self.few = words.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect();
        }
        self.few.push(word);
    }

    /// All of them.
    pub(crate) fn into_words(mut self) -> Slab<u64> {
        let beside = self
            .place
            .take()
            .and_then(|place| Slab::<u64>::beside(&PrivateMap::from(place), self.filled / 8));
        beside.unwrap_or_else(|| self.few.into())
    }

    /// All of them, and they can be changed.
    pub(crate) fn into_cells(mut self) -> Slab<AtomicU64> {
        let place = self.place.take();
        let beside =
            place.and_then(|place| Slab::<AtomicU64>::beside(&PrivateMap::from(place), self.filled / 8));
        beside.unwrap_or_else(|| self.few.into_iter().map(AtomicU64::new).collect::<Vec<_>>().into())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::{Growing, MANY};

    #[test]
    fn few_and_many_words_come_out_as_they_went_in_and_more_than_were_expected_too() {
        for (expected, pushed) in [(0, 3), (10, 10), (MANY, MANY - 1), (MANY, MANY), (MANY, MANY + 5)] {
            let (mut words, mut cells) = (Growing::with_capacity(expected), Growing::with_capacity(expected));
            for word in 0..pushed as u64 {
                words.push(word * 3);
                cells.push(word * 5);
            }
            let (words, cells) = (words.into_words(), cells.into_cells());
            assert_eq!((words.len(), cells.len()), (pushed, pushed));
            assert_eq!(words.heap_bytes(), pushed * 8, "it is counted wherever it is");
            assert!(words.iter().copied().eq((0..pushed as u64).map(|word| word * 3)));
            assert!(
                cells
                    .iter()
                    .map(|cell| cell.load(Ordering::Relaxed))
                    .eq((0..pushed as u64).map(|word| word * 5))
            );
        }
    }
}
