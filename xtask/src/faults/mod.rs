//! The table of fault cases: what can befall a store, and the tests that show what the store does then.
//!
//! `cases` says which cases there are and which of them are due; `test_names` finds the tests and reads the ids in their
//! names; `coverage` puts the two together and finds what is missing; `guarantees` holds the page of promises against
//! the tests that it names.

mod cases;
mod coverage;
mod guarantees;
mod test_names;

pub(crate) use coverage::{check, report};
