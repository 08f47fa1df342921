//! The crash harness: a store on a simulated disk, a model of what it must hold, random programs, and cuts of power
//! at any of their operations.
//!
//! Invariant: the model knows the engine's public interface, and nothing of how the engine stores
//! what it stores. Every run follows from one seed.

pub(crate) mod backups;
pub(crate) mod check;
pub(crate) mod collisions;
pub(crate) mod followers;
pub(crate) mod forged;
pub(crate) mod history;
pub(crate) mod images;
pub(crate) mod model;
pub(crate) mod namespace_rot;
pub(crate) mod namespaces;
pub(crate) mod older;
pub(crate) mod program;
pub(crate) mod record_log_faults;
pub(crate) mod record_logs;
pub(crate) mod request;
pub(crate) mod scenarios;
pub(crate) mod small_programs;
pub(crate) mod stop;
pub(crate) mod system_entries;
pub(crate) mod transactions;
pub(crate) mod views;
pub(crate) mod world;
