//! Failures: how they are made, what the interfaces make of them, and how they travel in a gRPC status.

mod errors;
mod making;
mod status;

pub(crate) use status::never_left;
