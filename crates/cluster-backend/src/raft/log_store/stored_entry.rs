//! Entries as they stand in the log: messages `pentad.v1.RaftEntry`.
//!
//! Invariant: the bytes are those of the message, whatever openraft calls its parts; an entry is taken back only under the
//! index that it was written with.

use std::io;

use bytes::{Bytes, BytesMut};
use openraft::EntryPayload;
use pentad_client::wire;
use prost::Message;

use crate::raft::convert::Wire;
use crate::raft::types::{Entry, LogId};

/// The fields of `RaftEntry` that are written without making the message first.
const ID_FIELD: u32 = 1;
const COMMAND_FIELD: u32 = 3;

/// The id of an entry, whatever else it holds. Alone it is how an id is stored that may be absent: the first id of all has no
/// bytes itself.
#[derive(Clone, PartialEq, Message)]
struct EntryId {
    #[prost(message, optional, tag = "1")]
    id: Option<wire::LogId>,
}

/// The bytes of an id that may be absent.
pub(super) fn encode_id(id: Option<LogId>) -> Vec<u8> {
    EntryId { id: id.map(|id| id.to_wire()) }.encode_to_vec()
}

/// The id that was stored so.
pub(super) fn decode_stored_id(bytes: Bytes) -> Result<Option<LogId>, Box<dyn std::error::Error>> {
    Ok(LogId::optional(EntryId::decode(bytes)?.id)?)
}

/// The bytes of an entry.
pub(super) fn encode(entry: &Entry) -> Bytes {
    let EntryPayload::Normal(command) = &entry.payload else {
        return entry.to_wire().encode_to_vec().into();
    };
    // A command is shared, and large ones are not copied only to be encoded.
    let id = entry.log_id.to_wire();
    let length = prost::encoding::message::encoded_len(ID_FIELD, &id)
        + prost::encoding::message::encoded_len(COMMAND_FIELD, &*command.0);
    let mut bytes = BytesMut::with_capacity(length);
    prost::encoding::message::encode(ID_FIELD, &id, &mut bytes);
    prost::encoding::message::encode(COMMAND_FIELD, &*command.0, &mut bytes);
    bytes.freeze()
}

/// The entry that was written under `index`. It shares the bytes.
///
/// # Errors
///
/// `InvalidData` for what no node has written.
pub(super) fn decode(index: u64, bytes: Bytes) -> io::Result<Entry> {
    let message = wire::RaftEntry::decode(bytes).map_err(|error| damaged(index, &error))?;
    let entry = Entry::from_wire(message).map_err(|error| damaged(index, &error))?;
    check_index(index, entry.log_id.index)?;
    Ok(entry)
}

/// Its id alone.
pub(super) fn decode_id(index: u64, bytes: Bytes) -> io::Result<LogId> {
    let message = EntryId::decode(bytes).map_err(|error| damaged(index, &error))?;
    let id = LogId::required(message.id, "an entry has no log id").map_err(|error| damaged(index, &error))?;
    check_index(index, id.index)?;
    Ok(id)
}

fn check_index(index: u64, found: u64) -> io::Result<()> {
    if found == index {
        return Ok(());
    }
    Err(damaged(index, &format!("it is entry {found}")))
}

fn damaged(index: u64, what: &dyn std::fmt::Display) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("entry {index} of the Raft log cannot be read: {what}"),
    )
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use openraft::EntryPayload;
    use pentad_client::wire;
    use prost::Message;

    use super::{decode, decode_id, decode_stored_id, encode, encode_id};
    use crate::raft::convert::Wire;
    use crate::raft::types::{Entry, LeaderId, LogId, Member, Membership, NodeId, Payload};

    fn payloads() -> [Payload; 3] {
        let voters = vec![BTreeSet::from([NodeId(1)])];
        let members = BTreeMap::from([(NodeId(1), Member::default())]);
        let put = wire::Put { key: "key".into(), value: vec![0; 300].into(), expiry: None };
        let operation = wire::Operation { kind: Some(wire::operation::Kind::Put(put)) };
        let write = wire::Write { operations: vec![operation], ..Default::default() };
        let kind = Some(wire::command::Kind::Write(write));
        let command = wire::Command { time_ns: 7, kind, ..Default::default() };
        [
            EntryPayload::Blank,
            EntryPayload::Normal(command.into()),
            EntryPayload::Membership(Membership::new(voters, members).unwrap()),
        ]
    }

    #[test]
    fn no_id_and_the_first_id_are_two_things() {
        let first = LogId { leader_id: LeaderId { term: 0, node_id: NodeId(0) }, index: 0 };
        for id in [None, Some(first), Some(LogId { index: 7, ..first })] {
            assert_eq!(decode_stored_id(encode_id(id).into()).unwrap(), id);
        }
    }

    #[test]
    fn the_bytes_are_those_of_the_message() {
        for payload in payloads() {
            let leader_id = LeaderId { term: 3, node_id: NodeId(2) };
            let entry = Entry { log_id: LogId { leader_id, index: 1 << 40 }, payload };
            let bytes = encode(&entry);
            assert_eq!(bytes, entry.to_wire().encode_to_vec(), "{entry:?}");
            assert_eq!(decode(1 << 40, bytes.clone()).unwrap(), entry);
            assert_eq!(decode_id(1 << 40, bytes.clone()).unwrap(), entry.log_id);
            assert!(decode(5, bytes.clone()).is_err() && decode_id(5, bytes.clone()).is_err(), "misplaced");
            assert!(decode(1 << 40, bytes.slice(1..)).is_err());
        }
        assert!(decode(0, wire::RaftEntry::default().encode_to_vec().into()).is_err());
    }
}
