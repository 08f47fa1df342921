//! The network client: one handle for a cluster, whatever becomes of its nodes.
//!
//! `handle.rs` is what users hold. Below it: `calling.rs` sees one call through, from node to node, until its deadline, and
//! `attempts.rs` judges what that means for a write;
//! `directory.rs` knows the nodes and who leads; `link.rs` is the way to one node, `line.rs` the stream on it that calls and replies
//! travel on, many at a time; `session.rs` numbers the writes, so that they can be repeated.

mod address;
mod attempts;
mod backoff;
mod builder;
mod calling;
mod cluster;
mod connecting;
mod directory;
mod handle;
mod line;
mod link;
mod newest_first;
mod session;
mod watch;

pub use builder::ClientBuilder;
pub use cluster::Cluster;
pub use handle::Client;
pub use newest_first::NewestFirst;
pub use watch::{Watch, WatchEvent, WatchFilter, WatchFrom};
