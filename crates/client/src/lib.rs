//! The network client of Pentad, and the wire protocol that it shares with the nodes.

pub mod wire;
