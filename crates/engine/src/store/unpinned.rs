//! Reads that hold nothing: what they look at may be dropped, or moved to another segment, under their eyes.
//!
//! Invariant: what they answer was true at one moment during the call. Two protocols give that. Whoever drops versions raises the
//! horizon first, so an answer at a view that the horizon has not passed misses nothing. And whoever moves an entry has
//! the index point to the copy before the segment with the original leaves the table, so to look again finds it. Loom
//! checks both, with stand-ins for the index and the table, in `unpinned_tests.rs`.

use std::ops::ControlFlow;

use crate::error::Result;
use crate::index::View;

/// A read meets a removed segment when a compaction ends between its two steps. So many in a row are none: the index
/// points to nothing, and the read says so.
const MOVES_MAX: u32 = 64;

/// What `look_up` finds at a view of now that nothing pins; `stands` says whether an answer stands without regard to what was
/// dropped meanwhile.
pub(super) fn look_up_unpinned<T>(
    view: impl Fn() -> View,
    look_up: impl Fn(View) -> Option<T>,
    stands: impl Fn(&T) -> bool,
    horizon: impl Fn() -> View,
) -> Option<T> {
    loop {
        let view = view();
        let hit = look_up(view);
        if hit.as_ref().is_some_and(&stands) {
            return hit;
        }
        let horizon = horizon();
        let is_below = horizon.sequence <= view.sequence && horizon.tail <= view.tail;
        if is_below && horizon.time <= view.time {
            return hit;
        }
    }
}

/// Looks up and reads, anew as long as `read` goes on because the entry was moved in between. The `last` read does not ask for
/// that.
pub(super) fn read_unmoved<H, T>(
    look_up: impl Fn() -> Result<Option<H>>,
    read: impl Fn(&H) -> ControlFlow<Result<T>>,
    last: impl Fn(&H) -> Result<T>,
) -> Result<Option<T>> {
    for _ in 0..MOVES_MAX {
        let Some(hit) = look_up()? else { return Ok(None) };
        if let ControlFlow::Break(result) = read(&hit) {
            return result.map(Some);
        }
    }
    let Some(hit) = look_up()? else { return Ok(None) };
    last(&hit).map(Some)
}

#[cfg(all(test, loom))]
#[path = "unpinned_tests.rs"]
mod tests;
