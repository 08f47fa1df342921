//! The messages and services of the package `pentad.v1`, as made from the `.proto` files by prost and tonic.
//!
//! `proto/pentad/v1` is the documentation: field by field, with units.

#![expect(
    clippy::all,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    reason = "generated"
)]

tonic::include_proto!("pentad.v1");

/// The descriptors of all messages and services, for reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/pentad.v1.bin"));
