//! The segments of an open store, read without a lock: by id, and by the slot that addresses of entries name.
//!
//! Invariant: a slot belongs to one segment, and is not given to another one before 2^20 segments later: an address that
//! was read a moment ago is never taken for one of another segment.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};

use arc_swap::{ArcSwap, Guard};

use super::segment::Segment;
use crate::address::SLOTS;
use crate::format::segment_header::SegmentKind;
use crate::numbers::SegmentId;
use crate::seams::lock::Mutex;

/// The segments at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    by_id: BTreeMap<SegmentId, Arc<Segment>>,
    by_slot: Vec<Option<Arc<Segment>>>,
    /// Those of the log in its order, which is that of their ids.
    logs: Vec<Arc<Segment>>,
    /// The slot to give out next, if it is free.
    next_slot: usize,
}

impl Table {
    /// All segments, ascending by id.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Segment>> {
        self.by_id.values()
    }

    /// The segment in a slot, unless compaction has removed it.
    #[inline]
    pub(crate) fn in_slot(&self, slot: usize) -> Option<&Arc<Segment>> {
        self.by_slot.get(slot)?.as_ref()
    }

    /// The segments of the log, oldest first.
    pub(crate) fn logs(&self) -> &[Arc<Segment>] {
        &self.logs
    }

    fn insert(&mut self, segment: Arc<Segment>) {
        let slot = match self.by_id.get(&segment.id) {
            // The same file with a longer map.
            Some(before) => before.slot(),
            // A checkpoint says where it was, and its addresses count on that.
            None => segment.known_slot().unwrap_or_else(|| self.take_slot()),
        };
        segment.set_slot(slot);
        let place = usize::try_from(slot).expect("20 bits");
        if place >= self.by_slot.len() {
            self.by_slot.resize(place + 1, None);
        }
        self.by_slot[place] = Some(Arc::clone(&segment));
        if segment.kind == SegmentKind::Log {
            match self.logs.binary_search_by_key(&segment.id, |log| log.id) {
                Ok(at) => self.logs[at] = Arc::clone(&segment),
                Err(at) => self.logs.insert(at, Arc::clone(&segment)),
            }
        }
        self.by_id.insert(segment.id, segment);
    }

    fn take_slot(&mut self) -> u32 {
        let slots = usize::try_from(SLOTS).expect("20 bits");
        assert!(self.by_id.len() < slots, "a store has at most 2^20 segments");
        while self.in_slot(self.next_slot).is_some() {
            self.next_slot = (self.next_slot + 1) % slots;
        }
        let slot = self.next_slot;
        self.next_slot = (slot + 1) % slots;
        u32::try_from(slot).expect("20 bits")
    }

    fn remove(&mut self, id: SegmentId) {
        if let Some(segment) = self.by_id.remove(&id) {
            self.by_slot[usize::try_from(segment.slot()).expect("20 bits")] = None;
            self.logs.retain(|log| log.id != id);
        }
    }
}

/// All segments; the table is replaced as a whole when one comes or goes.
#[derive(Debug, Default)]
pub(crate) struct SegmentTable {
    current: ArcSwap<Table>,
    /// How often it was replaced: what who holds a table looks at to know whether it is still the current one.
    changes: AtomicU64,
    /// Held while a new table is made from the current one.
    changing: Mutex<()>,
}

impl SegmentTable {
    /// The segments as they are now. Costs no write to shared memory; hold it for moments only.
    #[inline]
    pub(crate) fn now(&self) -> Guard<Arc<Table>> {
        self.current.load()
    }

    /// The segments as they are now, to be held for as long as is needed: what is removed meanwhile stays mapped until then.
    pub(crate) fn held(&self) -> Arc<Table> {
        self.current.load_full()
    }

    /// The segments as they are now, for many reads that follow each other.
    pub(crate) fn for_reads(&self) -> Held<'_> {
        // In this order: a table that is newer than its number is only taken anew once too often.
        let changes = self.changes.load(Ordering::Acquire);
        Held { of: self, table: self.held(), changes }
    }

    /// The segment, unless compaction has removed it.
    pub(crate) fn get(&self, id: SegmentId) -> Option<Arc<Segment>> {
        self.current.load().by_id.get(&id).cloned()
    }

    /// All segments as they are now, ascending by id.
    pub(crate) fn all(&self) -> Vec<Arc<Segment>> {
        self.current.load().by_id.values().cloned().collect()
    }

    /// The slot to be given out next, if it is free.
    pub(crate) fn next_slot(&self) -> u32 {
        u32::try_from(self.current.load().next_slot).expect("20 bits")
    }

    /// Gives out slots from this one on, so that what still names a slot given out by an earlier table leads to nothing.
    pub(crate) fn go_on_from(&self, slot: u32) {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut table = Table::clone(&self.current.load());
        table.next_slot = usize::try_from(slot % SLOTS).expect("20 bits");
        self.current.store(Arc::new(table));
    }

    /// Adds and removes segments at once.
    pub(crate) fn change(&self, add: impl IntoIterator<Item = Arc<Segment>>, remove: &[SegmentId]) {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut table = Table::clone(&self.current.load());
        add.into_iter().for_each(|segment| table.insert(segment));
        remove.iter().for_each(|&id| table.remove(id));
        self.current.store(Arc::new(table));
        // Only after this may an address name a new segment, so who reads such an address sees the number.
        self.changes.fetch_add(1, Ordering::Release);
    }
}

/// The segments as one reader holds them: a read costs no atomic write, but what was removed since stays as well, until the
/// reader takes the current table or goes.
#[derive(Debug)]
pub(crate) struct Held<'t> {
    of: &'t SegmentTable,
    table: Arc<Table>,
    changes: u64,
}

impl Held<'_> {
    /// The segments as they were when they were taken last.
    #[inline]
    pub(crate) fn table(&self) -> &Table {
        &self.table
    }

    /// Whether no segment has come or gone since.
    #[inline]
    pub(crate) fn is_current(&self) -> bool {
        self.of.changes.load(Ordering::Acquire) == self.changes
    }

    /// Takes the segments as they are now.
    #[cold]
    pub(crate) fn renew(&mut self) {
        *self = self.of.for_reads();
    }
}

#[cfg(test)]
#[path = "segment_table_tests.rs"]
mod tests;
