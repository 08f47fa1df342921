//! What a node serves to the network: the services of `pentad.v1`, health and reflection.

mod answering;
mod answers;
mod asked;
mod cluster;
mod exchange;
mod incoming;
mod keys;
mod peer;
mod room;
mod serve;
mod status;
#[cfg(test)]
mod tests;

pub(crate) use answers::{Answers, reply, unknown_kind};
pub(crate) use incoming::CONNECTIONS_MAX;
pub(crate) use keys::keys_server;
pub(crate) use serve::start;
pub(crate) use status::error_of;
