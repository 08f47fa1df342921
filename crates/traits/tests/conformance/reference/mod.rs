//! The reference store: all five interfaces over one map in memory, as short as they can be written.
//!
//! It exists to try the suites on. Made without a defect it keeps every rule; made with one it breaks those that the
//! table in `defect.rs` says.

mod client_api;
mod data_store_reader;
mod data_store_writer;
mod factory;
mod handle;
mod kv_backend;
mod state;
mod store;
mod store_engine;

pub(crate) use factory::ReferenceFactory;
