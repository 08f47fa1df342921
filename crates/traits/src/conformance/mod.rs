//! Suites that hold an implementation of the five interfaces to their contract, rule by rule.
//!
//! Each suite is a module named after its trait, with a function `run_all` over a factory. The factory makes stores,
//! opens them again, lets time pass, and does the few things that the trait alone cannot: it is all that a local,
//! replicated or remote implementation writes to be checked.
//!
//! ```
//! use std::time::Duration;
//!
//! use pentad_traits::KvBackend;
//! use pentad_traits::conformance::kv_backend::{self, KvBackendFactory, OptionLimits};
//! use pentad_traits::conformance::{Factory, block_on};
//!
//! # fn check<MyStore: KvBackend>(open: fn(OptionLimits) -> MyStore, close_and_open: fn(MyStore) -> MyStore) {
//! struct Mine<MyStore> {
//!     open: fn(OptionLimits) -> MyStore,
//!     close_and_open: fn(MyStore) -> MyStore,
//! }
//!
//! impl<MyStore> Factory for Mine<MyStore> {
//!     type Store = MyStore;
//!
//!     async fn create(&self) -> MyStore {
//!         (self.open)(OptionLimits::default())
//!     }
//!     async fn reopen(&self, store: MyStore) -> MyStore {
//!         (self.close_and_open)(store)
//!     }
//!     async fn wait(&self, duration: Duration) {
//!         std::thread::sleep(duration);
//!     }
//! }
//!
//! impl<MyStore: KvBackend> KvBackendFactory for Mine<MyStore> {
//!     async fn create_with_option_limits(&self, limits: OptionLimits) -> Option<MyStore> {
//!         Some((self.open)(limits))
//!     }
//! }
//!
//! block_on(kv_backend::run_all(&Mine { open, close_and_open }));
//! # }
//! ```
//!
//! The suites bring no runtime and need none: every `run_all` of an asynchronous trait is a future for the caller's
//! executor, [`block_on`] if there is no other. The suite of [`StoreEngine`](crate::StoreEngine) is synchronous.
//!
//! `run_all` panics with every rule that does not hold, its row in the contract, and what was found. `run` answers
//! the same as a [`Report`].

mod check;
pub mod client_api;
mod data_store_factory;
pub mod data_store_reader;
pub mod data_store_writer;
mod driving;
mod factory;
pub mod kv_backend;
mod limits;
mod report;
pub mod store_engine;

pub use data_store_factory::{DataStoreFactory, Handle};
pub use driving::block_on;
pub use factory::{EXPIRY_LAG_MAX, Factory};
pub use limits::Limits;
pub use report::{Outcome, Report, Verdict};
