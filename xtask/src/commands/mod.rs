//! One file per task. A task that is also a check of `ci` has a function `check` that answers with a note for the
//! summary; the others have `perform`.

pub(crate) mod bench;
pub(crate) mod chaos;
pub(crate) mod ci;
pub(crate) mod clippy;
pub(crate) mod crash;
pub(crate) mod doc;
pub(crate) mod examples;
pub(crate) mod fix;
pub(crate) mod format;
pub(crate) mod fuzz;
pub(crate) mod golden;
pub(crate) mod loom;
pub(crate) mod planted;
pub(crate) mod sanitize;
pub(crate) mod sim;
mod tell;
pub(crate) mod test;

pub(crate) use tell::tell;
