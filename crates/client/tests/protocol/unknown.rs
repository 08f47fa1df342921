//! Fields and kinds that only a newer side knows: they are passed over, or seen as a kind that is not known.

use bytes::Bytes;
use pentad_client::wire::{
    Call, Calls, Command, GetResponse, Operation, Reply, RequestId, StatusResponse, WatchResponse, Write,
    WriteResult,
};
use prost::Message;

/// One field of each way of encoding, with numbers that nothing uses: varint, 8 bytes, length and bytes, 4 bytes.
fn unknown_fields() -> Vec<u8> {
    let mut bytes = Vec::new();
    for (way, value) in [(0, &b"\x96\x01"[..]), (1, b"12345678"), (2, b"\x03abc"), (5, b"1234")] {
        let key: u32 = (15_000 << 3) | way;
        prost::encoding::encode_varint(key.into(), &mut bytes);
        bytes.extend_from_slice(value);
    }
    bytes
}

fn stays<M: Message + Default + PartialEq + std::fmt::Debug>(message: M) {
    let known = message.encode_to_vec();
    for bytes in [[known.clone(), unknown_fields()].concat(), [unknown_fields(), known].concat()] {
        assert_eq!(M::decode(&bytes[..]).unwrap(), message);
    }
}

#[test]
fn unknown_fields_are_harmless() {
    stays(WriteResult { applied: true, sequence: Some(1), ..WriteResult::default() });
    stays(GetResponse { value: Some(Bytes::new()), applied_sequence: 3 });
    stays(RequestId { client: Bytes::from_static(b"c"), number: 1, settled_below: 1 });
    stays(StatusResponse { term: 9, version: "1".to_owned(), ..StatusResponse::default() });
    stays(Calls { calls: vec![Call { number: 4, timeout_ms: 1, kind: None }], ..Calls::default() });
    stays(Command { time_ns: 3, request: None, kind: None });
}

/// A kind that is not known is `None`, which every receiver refuses: nothing of it is done by halves.
#[test]
fn an_unknown_kind_is_seen_as_such() {
    let mut call = Call { number: 4, ..Call::default() }.encode_to_vec();
    call.extend(unknown_fields());
    let call = Call::decode(&call[..]).unwrap();
    assert!(call.number == 4 && call.kind.is_none());
    assert!(Operation::decode(&unknown_fields()[..]).unwrap().kind.is_none());
    assert!(Reply::decode(&unknown_fields()[..]).unwrap().kind.is_none());
    assert!(WatchResponse::decode(&unknown_fields()[..]).unwrap().event.is_none());
}

/// An operation of an unknown kind still counts, so that the write can be refused as a whole.
#[test]
fn an_operation_is_not_lost_from_a_write() {
    let mut operation = Vec::new();
    prost::encoding::encode_key(2, prost::encoding::WireType::LengthDelimited, &mut operation);
    prost::encoding::encode_varint(unknown_fields().len() as u64, &mut operation);
    operation.extend(unknown_fields());
    assert_eq!(Write::decode(&operation[..]).unwrap().operations, [Operation { kind: None }]);
}
