//! The table as it was at one moment, read page by page while it is written on: for a checkpoint.
//!
//! Invariant: of every page that the table had at that moment and that was not taken yet, either the page itself is as it
//! was, or a copy of it is kept here. So the writer, before it changes a page, calls [`Freeze::before_change`]. Both sides
//! hold the index's writer lock; readers do not come here.

use std::collections::BTreeMap;

use super::image::{SlotImage, Words};
use super::page::Page;
use crate::seams::sync::Mutex;
use crate::seams::sync::atomic::{AtomicBool, Ordering};

/// See the module.
#[derive(Debug)]
pub(super) struct Freeze {
    is_on: AtomicBool,
    frozen: Mutex<Option<Frozen>>,
}

#[derive(Debug)]
struct Frozen {
    image: SlotImage,
    pages: u64,
    /// The first page that was not taken yet.
    next: u64,
    /// Pages that were changed since, as they were.
    kept: BTreeMap<u64, Box<Words>>,
}

impl Freeze {
    pub(super) fn new() -> Self {
        Self { is_on: AtomicBool::new(false), frozen: Mutex::new(None) }
    }

    /// From now on the table is kept as it is.
    pub(super) fn begin(&self, image: SlotImage, pages: u64) {
        *self.frozen() = Some(Frozen { image, pages, next: 0, kept: BTreeMap::new() });
        self.is_on.store(true, Ordering::Relaxed);
    }

    /// Nobody wants it any more.
    pub(super) fn end(&self) {
        self.is_on.store(false, Ordering::Relaxed);
        *self.frozen() = None;
    }

    /// To be called before a page is changed.
    #[inline]
    pub(super) fn before_change(&self, number: u64, page: &Page) {
        if self.is_on.load(Ordering::Relaxed) {
            self.keep(number, page);
        }
    }

    #[cold]
    fn keep(&self, number: u64, page: &Page) {
        if let Some(frozen) = &mut *self.frozen()
            && (frozen.next..frozen.pages).contains(&number)
        {
            frozen.kept.entry(number).or_insert_with(|| Box::new(page.words()));
        }
    }

    /// What the table was besides its pages, if one is kept.
    pub(super) fn image(&self) -> Option<SlotImage> {
        self.frozen().as_ref().map(|frozen| frozen.image)
    }

    /// Takes the pages before `end`, which follow those taken last: calls `take` for each with its copy, if there is one.
    pub(super) fn take(&self, end: u64, mut take: impl FnMut(u64, Option<&Words>)) {
        let mut guard = self.frozen();
        let Some(frozen) = &mut *guard else { return };
        while frozen.next < end.min(frozen.pages) {
            let kept = frozen.kept.remove(&frozen.next);
            take(frozen.next, kept.as_deref());
            frozen.next += 1;
        }
    }

    /// Whether one of these pages was changed since.
    pub(super) fn has_kept(&self, pages: std::ops::Range<u64>) -> bool {
        self.frozen().as_ref().is_some_and(|frozen| frozen.kept.range(pages).next().is_some())
    }

    fn frozen(&self) -> crate::seams::sync::MutexGuard<'_, Option<Frozen>> {
        self.frozen.lock().expect("no thread panics while it keeps a page")
    }
}
