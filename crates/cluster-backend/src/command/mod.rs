//! What an entry asks for, as a batch of the engine; and what became of it, as a message.
//!
//! Everything here is a function of the command alone, so that all nodes do the same.

mod fixed;
mod result;
mod write;

pub(crate) use fixed::fix_times;
pub(crate) use result::write_result;
pub(crate) use write::batch_of;
