//! The entries that all engines are given: keys, values, the order in which they are asked for, and the sums by
//! which their answers are compared.
//!
//! Invariant: everything follows from the data set and fixed seeds, so every engine and every pass sees the same.

mod dataset;
mod keys;
mod random;
mod sum;
mod values;

pub(crate) use dataset::{DataSet, Shape, Size};
pub(crate) use keys::Keys;
pub(crate) use random::Random;
pub(crate) use sum::Sum;
pub(crate) use values::Values;
