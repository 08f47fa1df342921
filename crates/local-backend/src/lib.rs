//! All five interfaces over one store on this machine.
//!
//! [`LocalBackend`] joins the traits of `pentad-traits` to the engine. What is written through any of the five is read
//! through every other, in one sequence of commits, and a key that expires is gone from all of them at one instant.
//!
//! ```no_run
//! use pentad_local_backend::{KvBackend, LocalBackend};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let backend = LocalBackend::open("data.pentad")?;
//! backend.set("user:1", b"Ada").await?;
//! assert_eq!(backend.get("user:1").await?.as_deref(), Some(&b"Ada"[..]));
//! # Ok(())
//! # }
//! ```
//!
//! Each trait has the file of its name. Several of them have methods of one name (`get`, `delete`, `exists`), so a
//! module imports the one trait that it speaks, or names it in the call: `StoreEngine::get(&backend, b"user:1")`. What
//! none of the traits offers (snapshots, ranges, compaction, verification, conditional batches) is the engine's own
//! interface, behind [`LocalBackend::store`].
//!
//! # Threads
//!
//! Asynchronous methods need no runtime. They neither sync a file nor wait for a sync on the thread that polls them:
//! commits are led by the store's own commit thread, and what else must wait for the disk gets a thread for its time.
//! Reading touches the store's map, which may wait for the disk to bring a page. The methods of [`StoreEngine`] are
//! synchronous and wait for their commits; [`LocalBackend::close`], and dropping the last clone, sync as well.
//!
//! # Errors
//!
//! Each trait has its own error type; the text in it is the engine's. `errors.rs` has the tables.

#![forbid(unsafe_code)]

mod backend;
mod client_api;
mod data_store_reader;
mod data_store_writer;
mod errors;
mod kv_backend;
mod options;
#[cfg(doctest)]
mod page;
mod store_engine;

pub use backend::LocalBackend;
pub use options::LocalOptions;

pub use pentad_engine::{
    Alignment, Durability, Error, ErrorKind, Options, Retention, Store, Value, VerifyReads, key_hash,
};
pub use pentad_traits::{
    AsyncDataStoreReader, AsyncDataStoreWriter, ClientApi, ClientApiError, EntryMetadata, ErrorCode,
    KvBackend, KvError, NodeMeta, ReadConsistencyPolicy, StoreEngine,
};
