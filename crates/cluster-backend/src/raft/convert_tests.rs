//! Round trips of everything that is stored or sent, through encoded bytes, and refusals of what no node makes.

use std::fmt::Debug;

use bytes::Bytes;
use prost::Message;

use super::*;
use crate::raft::types::Payload;

fn through_bytes<T>(value: &T)
where
    T: Wire + Debug + PartialEq,
    T::Message: Message + Default,
{
    let bytes = value.to_wire().encode_to_vec();
    let message = T::Message::decode(bytes.as_slice()).expect("what was encoded can be decoded");
    assert_eq!(&T::from_wire(message).expect("a message of ours is taken back"), value);
}

fn log_id(term: u64, node: u32, index: u64) -> LogId {
    LogId { leader_id: LeaderId { term, node_id: NodeId(node) }, index }
}

fn member(name: &str) -> Member {
    Member {
        address: format!("{name}:7420"),
        store_id: Bytes::from(vec![7; 16]),
        incarnation: Bytes::from(vec![9; 16]),
        becomes_voter: name.len() % 2 == 1,
    }
}

/// Two sets of voters, as while they change, and a learner.
fn joint() -> Membership {
    let ids = |ids: &[u32]| ids.iter().copied().map(NodeId).collect::<BTreeSet<_>>();
    let members: BTreeMap<_, _> =
        [(1, "a"), (2, "bb"), (3, "ccc"), (9, "learner")].map(|(id, name)| (NodeId(id), member(name))).into();
    Membership::new(vec![ids(&[1, 2]), ids(&[1, 2, 3])], members).expect("valid")
}

fn command() -> wire::Command {
    let put = wire::Put {
        key: Bytes::from_static(b"key"),
        value: Bytes::from_static(&[0, 255, 10]),
        expiry: Some(wire::Expiry { when: Some(wire::expiry::When::AtNs(u64::MAX)) }),
    };
    let write = wire::Write {
        operations: vec![wire::Operation { kind: Some(wire::operation::Kind::Put(put)) }],
        ..Default::default()
    };
    let request = wire::RequestId { client: Bytes::from(vec![1; 16]), number: 5, settled_below: 4 };
    wire::Command { time_ns: 1 << 60, request: Some(request), kind: Some(wire::command::Kind::Write(write)) }
}

#[test]
fn ids_and_votes_come_back() {
    for id in [log_id(0, 0, 0), log_id(1, 2, 3), log_id(u64::MAX, u32::MAX, u64::MAX)] {
        through_bytes(&id);
        for committed in [false, true] {
            through_bytes(&Vote { leader_id: id.leader_id, committed });
        }
    }
}

#[test]
fn memberships_come_back_with_every_member() {
    through_bytes(&Membership::default());
    through_bytes(&joint());
}

#[test]
fn entries_of_every_kind_come_back() {
    let payloads: [Payload; 3] =
        [EntryPayload::Blank, EntryPayload::Normal(command().into()), EntryPayload::Membership(joint())];
    for payload in payloads {
        through_bytes(&Entry { log_id: log_id(3, 1, 77), payload });
    }
}

#[test]
fn snapshot_metadata_comes_back() {
    for (last, membership) in [
        (None, StoredMembership::default()),
        (Some(log_id(4, 2, 9)), StoredMembership::new(Some(log_id(3, 1, 2)), joint())),
    ] {
        through_bytes(&SnapshotMeta { last_log_id: last, last_membership: membership });
    }
}

#[test]
fn what_no_node_makes_is_refused() {
    let whole = Entry { log_id: log_id(1, 1, 1), payload: EntryPayload::Membership(joint()) }.to_wire();
    assert!(Entry::from_wire(wire::RaftEntry { id: None, ..whole.clone() }).is_err());
    assert!(Entry::from_wire(wire::RaftEntry { payload: None, ..whole }).is_err());

    let unknown_voter =
        wire::Membership { voters: vec![wire::NodeIds { ids: vec![5] }], ..joint().to_wire() };
    assert!(Membership::from_wire(unknown_voter).is_err());
    let nobody = wire::Membership { voters: vec![wire::NodeIds::default()], ..joint().to_wire() };
    assert!(Membership::from_wire(nobody).is_err());
    let mut twice = joint().to_wire();
    twice.members.push(twice.members[0].clone());
    assert!(Membership::from_wire(twice).is_err());
}

#[test]
fn a_displayed_command_names_no_key() {
    assert_eq!(Command::from(command()).to_string(), "write of 1 operations");
}

#[test]
fn entries_that_openraft_makes_give_an_empty_result() {
    use crate::raft::types::{CommandResult, Types};
    fn type_config<T: openraft::RaftTypeConfig<R = CommandResult>>(_: T) {}
    type_config(Types::default());
    assert_eq!(CommandResult::default().0.result, None);
}
