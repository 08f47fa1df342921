//! `cluster`: members, leader and state of a cluster, and changes of them.

mod asking;
mod telling;

pub(crate) use asking::run;
