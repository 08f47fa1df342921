//! The stores that the tests work on: real files in a temporary directory, on a clock that the test moves.
//!
//! [`Stores`] is the factory of all five conformance suites. It leaves judging to them.

pub(crate) mod damage;
mod factories;
mod temporary;

pub(crate) use temporary::Stores;
