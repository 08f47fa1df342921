//! A load that its killer can foretell: what each thread does follows from the seed, the round, the thread and the number
//! of the step, so the parent works out from a count of acknowledgements what the store has to hold.
//!
//! `program` says what the steps are, `process` does them in a child that tells each acknowledgement, `past` is what the
//! parent knows of a store, and holds it against what is there.

mod past;
mod process;
mod program;

pub(crate) use past::Past;
pub(crate) use process::{Load, options};
