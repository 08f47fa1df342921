//! Entries that nobody wants any more, summed up by segment before anybody hears of it.

use super::core::Core;
use crate::index::Extent;

/// Bytes by the place of their segment in the table; a group touches few segments.
#[derive(Debug, Default)]
pub(crate) struct DeadBytes {
    by_slot: Vec<(usize, u64)>,
    /// Where the last one was counted: the next is often of the same segment.
    last: usize,
}

impl DeadBytes {
    /// Notes that no reader wants an entry any more.
    pub(crate) fn note(&mut self, version: &Extent) {
        let slot = version.address.slot();
        if self.by_slot.get(self.last).is_none_or(|(last, _)| *last != slot) {
            let known = self.by_slot.iter().position(|(known, _)| *known == slot);
            self.last = known.unwrap_or(self.by_slot.len());
            if known.is_none() {
                self.by_slot.push((slot, 0));
            }
        }
        self.by_slot[self.last].1 += version.bytes;
    }
}

impl Core {
    /// Counts what was noted as dead.
    pub(crate) fn count_dead_bytes(&self, dead: DeadBytes) {
        if dead.by_slot.is_empty() {
            return;
        }
        let table = self.segments.now();
        for (slot, bytes) in dead.by_slot {
            if let Some(segment) = table.in_slot(slot) {
                segment.count_live(-bytes.cast_signed());
            }
        }
    }
}
