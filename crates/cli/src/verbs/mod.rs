//! One verb per file; each has a `run` that takes the options of every verb and its own arguments.

pub(crate) mod backup;
pub(crate) mod cluster;
pub(crate) mod compact;
pub(crate) mod del;
pub(crate) mod expire;
pub(crate) mod export;
pub(crate) mod get;
pub(crate) mod import;
pub(crate) mod incr;
pub(crate) mod info;
pub(crate) mod log;
pub(crate) mod namespaces;
pub(crate) mod prune;
pub(crate) mod put;
pub(crate) mod repair;
pub(crate) mod restore;
pub(crate) mod scan;
pub(crate) mod serve;
pub(crate) mod stats;
pub(crate) mod txn;
pub(crate) mod verify;
pub(crate) mod watch;
