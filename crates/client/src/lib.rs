//! The network client of Pentad, and the wire protocol that it shares with the nodes.
//!
//! ```no_run
//! use pentad_client::{Client, ClientApi};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::connect(["127.0.0.1:7421", "127.0.0.1:7422", "127.0.0.1:7423"]).await?;
//! client.put("user:1", "Ada").await?; // on the disks of a majority when it returns
//! assert_eq!(client.get("user:1").await?.as_deref(), Some(&b"Ada"[..]));
//! # Ok(())
//! # }
//! ```
//!
//! The interfaces are written once, over a [`Caller`]: one call goes in, its reply or a [`Failure`] comes out. The
//! network client is one, and so is a node embedded in a program. What the interfaces have no words for (conditional
//! transactions, pages, watches, reads of the past) is on [`Keys`], over the same thing.

#![forbid(unsafe_code)]

mod batch;
mod caller;
mod client;
mod client_api;
mod failure;
mod keys;
mod kv_backend;
mod limits;
pub mod wire;
mod within;

pub use batch::{Batch, Expect, Expiry};
pub use caller::{Caller, InterfaceLimits};
pub use client::{Client, ClientBuilder, Cluster, NewestFirst, Watch, WatchEvent, WatchFilter, WatchFrom};
pub use client_api::Members;
pub use keys::{Keys, Page, PageRequest};
pub use kv_backend::TextKeys;
pub use limits::{
    KEY_BYTES_MAX, MESSAGE_BYTES_MAX, OPERATIONS_MAX, PAGE_BYTES_MAX, PROTOCOL_VERSION, VALUE_BYTES_MAX,
    WRITE_BYTES_MAX,
};
pub use wire::{Consistency, Failure, FailureKind};
pub use within::Within;

pub use bytes::Bytes;
pub use pentad_traits::{
    ClientApi, ClientApiError, ClientApiResult, ErrorCode, KvBackend, KvError, LeaderHint, NodeMeta,
    NodeRole, NodeStatus, ReadConsistencyPolicy, async_trait,
};
