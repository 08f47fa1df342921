//! Reads, answered from a store: requests in, responses out, nothing else.
//!
//! Invariant: an answer is of one commit, which it names, and no answer is longer than a message may be. Whoever calls has seen to
//! it that the store has what the request's consistency asks for; writes are not answered here.

mod answer;
mod bounds;
mod failure;
mod log;
mod namespaces;
mod newest_first;
mod pages;
mod points;
mod token;
mod view;
mod watching;
mod whole_log;

pub(crate) use answer::answer;
pub(crate) use bounds::engine_bounds;
pub(crate) use failure::failure_of;
pub(crate) use namespaces::keyspace;
pub(crate) use newest_first::NewestFirst;
pub(crate) use view::ANSWER_BYTES_MAX;
pub(crate) use watching::Watching;
