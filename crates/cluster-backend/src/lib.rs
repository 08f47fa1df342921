//! A replicated node of Pentad: the engine as Raft log and state machine, embedded in a program or served over the network.

#![forbid(unsafe_code)]

#[cfg_attr(not(test), expect(dead_code, reason = "the node that uses all of this follows"))]
mod raft;
#[cfg_attr(not(test), expect(dead_code, unused_imports, reason = "the node that uses all of this follows"))]
mod requests;
#[cfg_attr(not(test), expect(dead_code, unused_imports, reason = "the node that uses all of this follows"))]
mod server;
