//! A replicated node of Pentad: the engine as Raft log and state machine, embedded in a program or served over the network.
//!
//! ```no_run
//! use pentad_cluster_backend::Node;
//!
//! let node = Node::builder("data").listen("127.0.0.1:7420").start()?;
//! println!("serving at {:?}", node.address());
//! # Ok::<(), pentad_cluster_backend::Error>(())
//! ```

#![forbid(unsafe_code)]

mod client_api;
mod command;
mod error;
mod kv_backend;
mod node;
mod peers;
mod raft;
mod random;
mod requests;
mod server;
mod store_engine;

pub use error::{Error, ErrorKind, Result};
pub use node::{Node, NodeBuilder};
pub use pentad_engine::Retention;
pub use raft::Timing;
