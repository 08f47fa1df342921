//! The segments of an open store by id, read without a lock.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use arc_swap::ArcSwap;

use super::segment::Segment;
use crate::numbers::SegmentId;
use crate::seams::lock::Mutex;

type Table = BTreeMap<SegmentId, Arc<Segment>>;

/// All segments; replaced as a whole when one comes or goes.
#[derive(Debug, Default)]
pub(crate) struct SegmentTable {
    current: ArcSwap<Table>,
    /// Held while a new table is made from the current one.
    changing: Mutex<()>,
}

impl SegmentTable {
    /// The segment, unless compaction has removed it.
    pub(crate) fn get(&self, id: SegmentId) -> Option<Arc<Segment>> {
        self.current.load().get(&id).cloned()
    }

    /// All segments as they are now, ascending by id.
    pub(crate) fn all(&self) -> Vec<Arc<Segment>> {
        self.current.load().values().cloned().collect()
    }

    /// Adds and removes segments at once.
    pub(crate) fn change(&self, add: impl IntoIterator<Item = Arc<Segment>>, remove: &[SegmentId]) {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut table = Table::clone(&self.current.load());
        table.extend(add.into_iter().map(|segment| (segment.id, segment)));
        for id in remove {
            table.remove(id);
        }
        self.current.store(Arc::new(table));
    }
}
