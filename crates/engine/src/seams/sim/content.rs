//! The bytes of one file: sparse, and shared page by page, so that keeping a live and a durable copy of every file,
//! and copying a whole disk at a crash, costs what was written and not what was reserved.
//!
//! Invariant: a byte that no page holds is zero; pages reach past the length only while a crash is being worked out
//! (`cut` ends that).

use std::collections::BTreeMap;
use std::sync::Arc;

/// Bytes of a page.
pub(super) const PAGE: u64 = 4096;
const PAGE_BYTES: usize = 4096;
/// Bytes of the smallest unit that a disk writes whole.
const SECTOR: u64 = 512;

#[derive(Clone, Debug)]
struct Page {
    bytes: [u8; PAGE_BYTES],
    /// One bit per sector that was ever written.
    written: u8,
}

/// Sparse bytes with a length.
#[derive(Clone, Debug, Default)]
pub(super) struct Content {
    length: u64,
    pages: BTreeMap<u64, Arc<Page>>,
}

/// A 64-bit size in memory; a simulated file fits.
pub(super) fn size(bytes: u64) -> usize {
    usize::try_from(bytes).expect("a simulated file fits in memory")
}

impl Content {
    pub(super) fn of(bytes: &[u8]) -> Self {
        let mut content = Self::default();
        content.write(bytes, 0);
        content.grow(bytes.len() as u64);
        content
    }

    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Stores bytes; the length stays as it is.
    pub(super) fn write(&mut self, bytes: &[u8], offset: u64) {
        for (start, piece) in pieces(offset, bytes.len() as u64, PAGE) {
            let page = self
                .pages
                .entry(start / PAGE)
                .or_insert_with(|| Arc::new(Page { bytes: [0; PAGE_BYTES], written: 0 }));
            let page = Arc::make_mut(page);
            let within = size(start % PAGE);
            let from = size(start - offset);
            page.bytes[within..within + size(piece)].copy_from_slice(&bytes[from..from + size(piece)]);
            for (sector, _) in pieces(start % PAGE, piece, SECTOR) {
                page.written |= 1 << (sector / SECTOR);
            }
        }
    }

    /// Makes the length at least `length`.
    pub(super) fn grow(&mut self, length: u64) {
        self.length = self.length.max(length);
    }

    /// Makes the length `length`; what was past it is gone.
    pub(super) fn set_length(&mut self, length: u64) {
        self.length = length;
        self.cut();
    }

    /// Forgets what is past the length.
    pub(super) fn cut(&mut self) {
        let whole = self.length.div_ceil(PAGE);
        self.pages.split_off(&whole);
        let rest = self.length % PAGE;
        if rest != 0
            && let Some(page) = self.pages.get_mut(&(self.length / PAGE))
        {
            let page = Arc::make_mut(page);
            page.bytes[size(rest)..].fill(0);
            for sector in rest.div_ceil(SECTOR)..PAGE / SECTOR {
                page.written &= !(1 << sector);
            }
        }
    }

    /// Copies bytes out, up to the length; returns how many.
    pub(super) fn read(&self, buffer: &mut [u8], offset: u64) -> usize {
        let there = self.length.saturating_sub(offset).min(buffer.len() as u64);
        for (start, piece) in pieces(offset, there, PAGE) {
            let to = size(start - offset);
            let target = &mut buffer[to..to + size(piece)];
            match self.pages.get(&(start / PAGE)) {
                Some(page) => {
                    let within = size(start % PAGE);
                    target.copy_from_slice(&page.bytes[within..within + size(piece)]);
                }
                None => target.fill(0),
            }
        }
        size(there)
    }

    /// Whether any sector that overlaps `[start, start + length)` was written.
    pub(super) fn is_written(&self, start: u64, length: u64) -> bool {
        pieces(start, length, SECTOR).any(|(at, _)| {
            self.pages.get(&(at / PAGE)).is_some_and(|page| page.written >> (at % PAGE / SECTOR) & 1 == 1)
        })
    }

    /// The pages that hold something: their offset and bytes.
    pub(super) fn pages(&self) -> impl Iterator<Item = (u64, &[u8])> {
        self.pages.iter().map(|(number, page)| (number * PAGE, &page.bytes[..]))
    }

    /// All bytes, holes as zeros.
    pub(super) fn to_vec(&self) -> Vec<u8> {
        let mut bytes = vec![0; size(self.length)];
        self.read(&mut bytes, 0);
        bytes
    }

    /// Blocks in use when `[0, allocated)` is reserved, in bytes.
    pub(super) fn blocks_bytes(&self, allocated: u64) -> u64 {
        let reserved = allocated.div_ceil(PAGE);
        (reserved + self.pages.range(reserved..).count() as u64) * PAGE
    }
}

/// Cuts `[offset, offset + length)` at the multiples of `unit`: offset and length of each piece.
pub(super) fn pieces(offset: u64, length: u64, unit: u64) -> impl Iterator<Item = (u64, u64)> {
    let end = offset + length;
    let mut at = offset;
    std::iter::from_fn(move || {
        if at >= end {
            return None;
        }
        let start = at;
        at = ((start / unit + 1) * unit).min(end);
        Some((start, at - start))
    })
}
