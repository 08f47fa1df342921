//! System calls of the real program that fail as the kernel lets them fail, one at a time.
//!
//! `scenario` says what the program is doing meanwhile, and what may be in the store then; `strace` makes the calls fail;
//! `faults` has the list of failures, one test for each case that they belong to; `outcome` holds what happened against
//! what may happen.

mod faults;
mod outcome;
mod scenario;
pub(crate) mod strace;
