//! The system entries of the state machine's store: their names, and their bytes.
//!
//! They are written in the same commit as what they tell of, and are in every snapshot. Names and forms are part of the format.

use bytes::Bytes;
use pentad_client::wire;
use prost::Message;

use crate::raft::types::LogId;

/// The last entry that was applied: a `wire::LogId`.
pub(super) const APPLIED: &[u8] = b"raft/applied";
/// The membership in force, and its entry: a `wire::SnapshotMeta` without a `last_log_id`.
pub(super) const MEMBERSHIP: &[u8] = b"raft/membership";
/// The highest id that any member ever had, u64 big-endian: no id is given twice.
pub(super) const HIGHEST_ID: &[u8] = b"raft/highest-id";
/// The first sequence that the batch log is to hold still, u64 big-endian.
pub(super) const BATCH_FLOOR: &[u8] = b"raft/batch-floor";
/// Before the client (16 bytes) and the number (u64 big-endian) of a request: the index of its entry, below which number its
/// client had settled its requests (both u64 big-endian), then the `wire::CommandResult` that it got.
pub(super) const REQUESTS: &[u8] = b"raft/requests/";
/// Before a client (16 bytes) of which requests were forgotten for want of room: the index of the entry of the last one that was,
/// and the number below which none is applied any more (both u64 big-endian).
pub(super) const FLOORS: &[u8] = b"raft/forgotten/";

/// Length of the id of a client.
pub(super) const CLIENT_BYTES: usize = 16;

/// Names a request.
pub(super) type RequestKey = ([u8; CLIENT_BYTES], u64);

/// The name of the entry of a request.
pub(super) fn request_entry((client, number): &RequestKey) -> Vec<u8> {
    [REQUESTS, client, &number.to_be_bytes()].concat()
}

/// The request that an entry is of, as far as the name is one.
pub(super) fn request_of(name: &[u8]) -> Option<RequestKey> {
    let (client, number) = name.strip_prefix(REQUESTS)?.split_first_chunk::<CLIENT_BYTES>()?;
    Some((*client, u64::from_be_bytes(number.try_into().ok()?)))
}

/// The name of the entry of a floor.
pub(super) fn floor_entry(client: &[u8; CLIENT_BYTES]) -> Vec<u8> {
    [FLOORS, client].concat()
}

/// The client whose floor an entry is, as far as the name is one.
pub(super) fn floor_of(name: &[u8]) -> Option<[u8; CLIENT_BYTES]> {
    name.strip_prefix(FLOORS)?.try_into().ok()
}

/// The bytes of [`APPLIED`].
pub(super) fn applied_bytes(log_id: &LogId) -> Vec<u8> {
    use crate::raft::convert::Wire;
    log_id.to_wire().encode_to_vec()
}

/// What the entry of a request holds.
pub(super) struct RequestRecord {
    pub(super) index: u64,
    pub(super) settled_below: u64,
    /// A `wire::CommandResult`.
    pub(super) result: Bytes,
}

impl RequestRecord {
    pub(super) fn encode(index: u64, settled_below: u64, result: &wire::CommandResult) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(16 + result.encoded_len());
        bytes.extend_from_slice(&index.to_be_bytes());
        bytes.extend_from_slice(&settled_below.to_be_bytes());
        result.encode(&mut bytes).expect("a vector grows as far as it has to");
        bytes
    }

    pub(super) fn decode(bytes: &Bytes) -> Option<Self> {
        let (index, rest) = bytes.split_first_chunk::<8>()?;
        let (settled_below, _) = rest.split_first_chunk::<8>()?;
        Some(Self {
            index: u64::from_be_bytes(*index),
            settled_below: u64::from_be_bytes(*settled_below),
            result: bytes.slice(16..),
        })
    }
}

/// What the entry of a floor holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FloorRecord {
    pub(super) index: u64,
    /// Requests with lower numbers may have been applied.
    pub(super) below: u64,
}

impl FloorRecord {
    pub(super) fn encode(&self) -> Vec<u8> {
        [self.index.to_be_bytes(), self.below.to_be_bytes()].concat()
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (index, below) = bytes.split_first_chunk::<8>()?;
        Some(Self { index: u64::from_be_bytes(*index), below: number_of(below)? })
    }
}

/// A number that stands alone.
pub(super) fn number_of(bytes: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(bytes.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_request_comes_back() {
        let key = ([7; CLIENT_BYTES], 258);
        assert_eq!(request_of(&request_entry(&key)), Some(key));
        assert_eq!(request_of(b"raft/requests/short"), None);
        assert_eq!(request_of(APPLIED), None);
    }

    #[test]
    fn a_floor_comes_back() {
        let floor = FloorRecord { index: 7, below: 258 };
        assert_eq!(FloorRecord::decode(&floor.encode()), Some(floor));
        assert_eq!(FloorRecord::decode(b"short"), None);
        assert_eq!(floor_of(&floor_entry(&[7; CLIENT_BYTES])), Some([7; CLIENT_BYTES]));
        assert_eq!((floor_of(REQUESTS), request_of(FLOORS)), (None, None));
    }
}
