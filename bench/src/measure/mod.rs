//! What is measured: time on the wall and on the processors, memory, disk, and the spread of single calls.

mod disk;
mod latency;
mod memory;
mod memory_limit;
mod meter;

pub(crate) use disk::{allocated_bytes, flush, free_bytes, settled_bytes};
pub(crate) use latency::Latencies;
pub(crate) use memory::Memory;
pub(crate) use memory_limit::MemoryLimit;
pub(crate) use meter::{Meter, Spent};
