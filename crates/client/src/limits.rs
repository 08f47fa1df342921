//! How much travels at once. Both sides know these numbers, so that what is too large is refused before it is sent.

/// Longest message that is sent or taken, framing included: 64 MiB. It bounds a value, a write and an answer.
pub const MESSAGE_BYTES_MAX: usize = 64 << 20;

/// Longest key, in bytes.
pub const KEY_BYTES_MAX: usize = 65_535;

/// Most operations in a write.
pub const OPERATIONS_MAX: usize = 1_048_576;

/// Bytes of keys and values of a page, if it has more than one row: 1 MiB.
pub const PAGE_BYTES_MAX: usize = 1 << 20;

/// The version of the protocol that this crate speaks.
pub const PROTOCOL_VERSION: u32 = 1;
