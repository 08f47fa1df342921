//! Group commit: many callers, one leader at a time.
//!
//! `queue` decides who leads and `bell` wakes whom it tells, `panics` sees that everybody hears of a leader that did not get through,
//! `evaluate` turns batches into entries against the published state and the earlier commits of the group (`overlay`), `lineage` counts
//! the versions of each key, `leader` writes, syncs, applies and publishes, `future` is the door without blocking.

mod bell;
pub(crate) mod evaluate;
pub(crate) mod future;
mod item;
pub(crate) mod job;
pub(crate) mod leader;
mod lineage;
pub(crate) mod overlay;
pub(crate) mod panics;
pub(crate) mod queue;
