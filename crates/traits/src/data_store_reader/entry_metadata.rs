//! `EntryMetadata`: what the store knows of an entry without reading its payload.
//!
//! It owns no rule but the meaning of its three fields.

/// Hash, place and checksum of one entry.
///
/// Source: the structure of the same name of simd-r-drive, which ends every entry in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EntryMetadata {
    /// The hash of the key; for an entry without a key, the hash that it was written under.
    pub key_hash: u64,
    /// The length of the log, in bytes, before this entry: always less than the tail that the entry's write
    /// answered. It describes the place where the entry lies now, which compaction changes.
    ///
    /// In simd-r-drive this field links to the previous entry with the same hash. Entries of Pentad move, so they
    /// hold no links.
    pub prev_offset: u64,
    /// The CRC-32 of the payload as stored, least significant byte first.
    pub checksum: [u8; 4],
}
