//! Golden bytes: what was written once, to a peer or into a log on a disk, is read for ever, and written alike.

use bytes::Bytes;
use pentad_client::wire::{
    Bounds, Call, Calls, Command, Condition, Expiry, Failure, FailureKind, GetRequest, LeaderHint, LogId,
    Namespace, NamespacesRequest, NamespacesResponse, NewestFirstRequest, NewestFirstResponse, NewestRow,
    Operation, Previous, Put, RaftEntry, RangeRequest, Replies, Reply, RequestId, WatchRequest,
    WatchWithinRequest, WithinRequest, Write, WriteRequest, WriteResult, call, command, condition, expiry,
    operation, raft_entry, reply, within_request,
};
use prost::Message;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn check<M: Message + Default + PartialEq + std::fmt::Debug>(message: M, golden: &str) {
    assert_eq!(hex(&message.encode_to_vec()), golden);
    let bytes: Vec<u8> =
        (0..golden.len()).step_by(2).map(|at| u8::from_str_radix(&golden[at..at + 2], 16).unwrap()).collect();
    assert_eq!(M::decode(&bytes[..]).unwrap(), message);
}

fn write() -> Write {
    Write {
        conditions: vec![Condition {
            key: Bytes::from_static(b"k"),
            expect: Some(condition::Expect::UnmodifiedSince(7)),
        }],
        operations: vec![
            Operation {
                kind: Some(operation::Kind::Put(Put {
                    key: Bytes::from_static(b"k"),
                    value: Bytes::from_static(b"v"),
                    expiry: Some(Expiry { when: Some(expiry::When::AtNs(300)) }),
                })),
            },
            Operation {
                kind: Some(operation::Kind::Increment(pentad_client::wire::Increment {
                    key: Bytes::from_static(b"n"),
                    delta: -2,
                })),
            },
        ],
        previous: true,
        always: false,
        keys_max: Some(0),
    }
}

fn request() -> RequestId {
    RequestId { client: Bytes::from_static(&[1; 16]), number: 9, settled_below: 8 }
}

#[test]
fn an_entry_of_the_raft_log() {
    let command = Command { time_ns: 1, request: Some(request()), kind: Some(command::Kind::Write(write())) };
    let entry = RaftEntry {
        id: Some(LogId { term: 2, node_id: 3, index: 4 }),
        payload: Some(raft_entry::Payload::Command(command)),
    };
    check(
        entry,
        "0a06080210031804\
         1a3f0801\
         12160a100101010101010101010101010101010110091808\
         1a230a050a016b2807\
         120d0a0b0a016b1201761a0310ac02\
         120722050a016e1003\
         18012800",
    );
}

#[test]
fn calls_and_their_replies() {
    let write = WriteRequest { write: Some(Write { keys_max: None, ..write() }), request: None };
    let get = GetRequest { key: Bytes::from_static(b"k"), consistency: 2, at_sequence: None };
    let calls = Calls {
        calls: vec![
            Call { number: 1, timeout_ms: 500, kind: Some(call::Kind::Write(write)) },
            Call { number: 2, timeout_ms: 0, kind: Some(call::Kind::Get(get)) },
        ],
        cluster_id: Bytes::from_static(&[2; 16]),
        group_id: 0,
    };
    check(
        calls,
        "0a2a080110f4031a230a21\
         0a050a016b2807\
         120d0a0b0a016b1201761a0310ac02\
         120722050a016e1003\
         1801\
         0a09080222050a016b1002\
         121002020202020202020202020202020202",
    );
    let result = WriteResult {
        applied: true,
        sequence: Some(5),
        deleted: 0,
        counter: Some(-1),
        renewed: 0,
        previous: vec![Previous { value: None }, Previous { value: Some(Bytes::new()) }],
    };
    let failure = Failure {
        code: 4001,
        message: "no".to_owned(),
        retry_after_ms: Some(100),
        leader: Some(LeaderHint { id: 2, address: "a:1".to_owned() }),
        outcome_unknown: true,
        kind: FailureKind::NotLeader.into(),
        required_action: None,
        supported_versions: vec![],
    };
    let replies = Replies {
        replies: vec![
            Reply { number: 1, kind: Some(reply::Kind::Write(result)) },
            Reply { number: 2, kind: Some(reply::Kind::Failure(failure)) },
        ],
    };
    check(
        replies,
        "0a1008011a0c08011005200132003202\
         0a00\
         0a1a0802121608a11f12026e6f1864220708021203613a3128013005",
    );
}

#[test]
fn a_request_for_a_page() {
    let bounds = Bounds {
        start: Bytes::from_static(b"a"),
        end: Bytes::from_static(b"b"),
        end_inclusive: true,
        start_exclusive: true,
        prefix: false,
    };
    let request = RangeRequest {
        bounds: Some(bounds),
        consistency: 3,
        limit: 10,
        descending: true,
        keys_only: true,
        token: Bytes::from_static(b"t"),
        count_only: false,
        at_sequence: Some(0),
        one_view: true,
        deadlines: true,
        estimate_only: false,
    };
    check(request, "0a0a0a0161120162180120011003180a20012801320174400048015001");
}

#[test]
fn calls_about_namespaces() {
    let named = || Namespace { name: "n".to_owned() };
    let within = Condition { key: Bytes::new(), expect: Some(condition::Expect::Within(named())) };
    let kinds = [
        operation::Kind::MakeNamespace(named()),
        operation::Kind::Within(named()),
        operation::Kind::DropNamespace(named()),
    ];
    let operations = kinds.into_iter().map(|kind| Operation { kind: Some(kind) }).collect();
    let write = Write { conditions: vec![within], operations, ..Write::default() };
    check(write, "0a0532030a016e120542030a016e12053a030a016e12054a030a016e");
    let get = GetRequest { key: Bytes::from_static(b"k"), consistency: 2, at_sequence: None };
    let read = WithinRequest { namespace: "n".to_owned(), kind: Some(within_request::Kind::Get(get)) };
    let call = Call { number: 1, timeout_ms: 0, kind: Some(call::Kind::Within(read)) };
    check(call, "08015a0a0a016e12050a016b1002");
    let list = NamespacesRequest { consistency: 1 };
    check(Call { number: 2, timeout_ms: 0, kind: Some(call::Kind::Namespaces(list)) }, "080262020801");
    let names = NamespacesResponse {
        names: vec!["n".to_owned(), "o".to_owned()],
        fault: Some("f".to_owned()),
        applied_sequence: 3,
    };
    check(Reply { number: 2, kind: Some(reply::Kind::Namespaces(names)) }, "08025a0b0a016e0a016f1201661803");
}

#[test]
fn listings_by_age_and_the_whole_log() {
    let request = NewestFirstRequest { namespace: "n".to_owned(), consistency: 1, limit: 5, keys_only: true };
    check(request, "0a016e100118052001");
    let row = NewestRow {
        key: Some(Bytes::from_static(b"k")),
        key_hash: 258,
        value: Bytes::from_static(b"v"),
        sequence: 7,
    };
    check(
        NewestFirstResponse { rows: vec![row], applied_sequence: 9 },
        "0a110a016b1102010000000000001a017620071009",
    );
    let watch = WatchRequest { from: Some(3), until_now: true, whole_log: true, ..WatchRequest::default() };
    check(watch.clone(), "180328013001");
    let within = WatchWithinRequest { namespace: "n".to_owned(), watch: Some(watch) };
    check(within, "0a016e1206180328013001");
}
