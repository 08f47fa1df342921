//! The network client of Pentad, and the wire protocol that it shares with the nodes.

#![forbid(unsafe_code)]

pub mod wire;
