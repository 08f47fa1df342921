//! What a node serves to the network: thin services, over something that answers.

mod answers;
mod exchange;
mod keys;
#[cfg(test)]
mod tests;

pub(crate) use answers::{Answers, reply, unknown_kind};
pub(crate) use keys::keys_server;
