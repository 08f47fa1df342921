//! The habits of this codebase that no compiler checks. One rule, or one family of rules, is one file; each has tests
//! that show it can fail.
//!
//! A finding names place, defect and mend. What may break a rule, and why, is listed in `exceptions` and nowhere else.

mod check;
mod committed;
mod dependencies;
mod exceptions;
mod manifest;
mod manifests;
mod names;
mod roots;
mod rust;
mod source;
mod tree;
mod unsafety;
mod words;

pub(crate) use check::check;
pub(crate) use tree::{File, Tree};
