//! The workloads, one file each. Each opens a store, or is given one, and adds its figures to the outcome; what it reads is
//! summed, and how much it must find is known, so that a store with a wrong answer ends the run.

mod bare_group_commit;
mod batches;
mod churn;
mod mixed;
mod raw_puts;
mod stages;
mod stream;
mod w01_load;
mod w02_durable_puts;
mod w03_get;
mod w04_absent;
mod w05_ranges;
mod w06_overwrite;
mod w07_get_many;
mod w08_open;
mod w09_disk;
mod w10_memory;

#[cfg(feature = "cluster")]
pub(crate) use raw_puts::{Kind as RawKind, RawFile};
pub(crate) use stages::{Stage, WORKLOADS};
