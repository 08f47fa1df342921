//! The five interfaces of Pentad: their traits, the types in their signatures, and nothing else.
//!
//! | trait | file | shape | comes from |
//! | --- | --- | --- | --- |
//! | [`AsyncDataStoreReader`] | `data_store_reader.rs` | async | simd-r-drive, an append-only memory-mapped store |
//! | [`AsyncDataStoreWriter`] | `data_store_writer.rs` | async, generic over readers | simd-r-drive |
//! | [`StoreEngine`] | `store_engine.rs` | sync, dyn-compatible | exoware server, an ordered store with a batch log |
//! | [`KvBackend`] | `kv_backend.rs` | async, dyn-compatible | zlayer-agent, the backend of its key-value store |
//! | [`ClientApi`] | `client_api.rs` | async, generic over keys | d-engine, the clients of a Raft store |
//!
//! # What all five have in common
//!
//! The four systems behind these traits are strangers to each other. Pentad puts one keyspace behind them all, and
//! the documentation of each trait builds on these rules:
//!
//! - **Keys** are byte strings of at most 65,535 bytes, ordered as unsigned bytes: a prefix sorts before what it is
//!   a prefix of. What is written through one interface is read through every other. [`KvBackend`], whose keys are
//!   text, sees the keys that are valid UTF-8.
//! - **Sequences.** Every commit (one put, one delete, one batch) takes the next number, from 1, without holes; an
//!   empty store stands at 0. A call that changes nothing takes none, but for [`StoreEngine::put_batch`] and
//!   [`StoreEngine::delete_batch`], which always take one.
//! - **The batch log** keeps each commit under its sequence until retention or
//!   [`StoreEngine::prune_batch_log`] drops it. Commits that only delete are recorded with no pairs. A rename is
//!   recorded as the pair of the new key and the value.
//! - **Atomicity.** A commit becomes visible at one instant through all interfaces, or not at all.
//! - **Durability.** A write is answered once it has what its durability level promises: by default it survives
//!   the loss of power. An implementation may offer a level that survives the end of the process only.
//! - **Deadlines.** An expired key is absent everywhere, from the same instant on. Any plain write, through any
//!   interface, removes the deadline of the key; a rename moves it along, a copy or transfer carries it over.
//! - **Limits.** Key 65,535 bytes; value outside a stream 1 GiB; batch 1,048,576 operations and 1 GiB of keys and
//!   values. What goes beyond is refused with a message that gives the limit and the actual size, and nothing of
//!   it is written. Options of an implementation may lower the limits.
//! - **Cancellation.** When the future of a write is dropped after its first poll, the write may or may not
//!   happen, but never in part. Before the first poll, nothing has happened (a stream excepted, whose bytes are
//!   staged when the method is called, and are discarded with the future).
//! - **Threads.** Asynchronous methods neither sync a file nor wait for one on the thread that polls them.
//!
//! # The key hash
//!
//! Methods whose name ends in `key_hash` or `key_hashes` address entries by a 64-bit hash instead of the key. It is
//! XXH3 with 64 bits of output, seed 0 and no secret, over the bytes of the key, and will never be another: hashes
//! are stored. The function itself is `key_hash(&[u8]) -> u64` of the implementing crates, because this crate has
//! no hash of its own. Some values to hold an implementation against: `key_hash(b"")` is `0x2d06800538d394c2`,
//! `key_hash(b"a")` is `0xe6c632b61e964e1f`, `key_hash(b"abc")` is `0x78af5f94892f3950`.
//!
//! # Writing an implementation
//!
//! Put [`macro@async_trait`] on the `impl` blocks of the four asynchronous traits. The two stream methods of
//! [`AsyncDataStoreWriter`] are the exception inside such a block: they are written out by hand, as shown at
//! [`AsyncDataStoreWriter::write_stream`]. Give the implementing type no inherent method with the name of a trait
//! method: it would win over the trait's in every call.
//!
//! Then run the suites. With the feature `conformance` the module `conformance` holds one for each
//! trait: functions over a factory that check the rules given here one by one, for local, replicated and
//! remote implementations alike.

#![forbid(unsafe_code)]

mod client_api;
#[cfg(feature = "conformance")]
pub mod conformance;
mod data_store_reader;
mod data_store_writer;
mod kv_backend;
mod store_engine;

/// The macro to put on implementations of the asynchronous traits, as this crate uses it.
pub use async_trait::async_trait;
pub use client_api::{
    ClientApi, ClientApiError, ClientApiResult, ErrorCode, LeaderHint, NodeMeta, NodeRole, NodeStatus,
    ReadConsistencyPolicy, UnknownNumber,
};
pub use data_store_reader::{AsyncDataStoreReader, EntryMetadata};
pub use data_store_writer::AsyncDataStoreWriter;
pub use kv_backend::{KvBackend, KvError};
pub use store_engine::StoreEngine;
