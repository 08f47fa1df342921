//! Compaction as the store does it, on the log in memory: copy what is held, tell the index, drop what was left out, and only
//! then remove.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::fake_log::FakeLog;
use super::store::hash_of;
use crate::index::{Extent, Index, Space, Version};

/// A version that was copied.
#[derive(Debug)]
pub(super) struct Moved {
    pub(super) space: Space,
    pub(super) key: Arc<[u8]>,
    pub(super) from: Version,
    pub(super) to: Version,
}

/// Copies what is held in the segments in `inputs` to a new one.
pub(super) fn copy_held(log: &FakeLog, index: &Index<FakeLog>, inputs: &BTreeSet<usize>) -> Vec<Moved> {
    let output = log.compacted_segment();
    let mut moved = Vec::new();
    for space in [Space::Keys, Space::Hashes] {
        let mut after: Option<Arc<[u8]>> = None;
        loop {
            let page = index.versions_page(space, after.as_deref(), 7, index.horizon());
            let Some((last, _)) = page.last() else { break };
            after = Some(Arc::clone(last));
            for (key, versions) in page {
                for from in versions.into_iter().filter(|version| inputs.contains(&version.address.slot())) {
                    let to = log.copy(from.address, output);
                    moved.push(Moved { space, key: Arc::clone(&key), from, to });
                }
            }
        }
    }
    moved
}

/// Tells the index of the copies; returns those that it still wanted.
pub(super) fn relocate(index: &Index<FakeLog>, moved: Vec<Moved>) -> Vec<Moved> {
    let is_wanted = |entry: &Moved| {
        let (hash, to) = (hash_of(entry.space, &entry.key), (entry.to.address, entry.to.bytes));
        index.relocate(entry.space, &entry.key, hash, entry.from.address, to)
    };
    moved.into_iter().filter(is_wanted).collect()
}

/// The whole of it; `dropped` is called for what was left out.
pub(super) fn compact(
    log: &FakeLog,
    index: &Index<FakeLog>,
    inputs: &BTreeSet<usize>,
    dropped: &mut dyn FnMut(&Extent),
) -> Vec<Moved> {
    let moved = relocate(index, copy_held(log, index, inputs));
    index.collect(index.horizon(), dropped);
    // The histories take in whatever segments they like, so what hides may go before what is hidden.
    index.leave_out_hidden();
    inputs.iter().for_each(|&slot| log.remove(slot));
    moved
}
