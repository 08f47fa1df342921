//! `import`: files or rows into the store.
//!
//! `source.rs` looks at the path and settles the format before the store is touched, `feed.rs` carries entries from the
//! source to the loader, `report.rs` says what came of it, `run.rs` puts them in order.

mod feed;
mod report;
mod run;
mod source;

pub(crate) use run::run;
