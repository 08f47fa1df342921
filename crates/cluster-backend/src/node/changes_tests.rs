//! Changes of members that are refused, that nobody waits for, and that were left half done.

use super::super::Node;
use super::*;

const SOON: Duration = Duration::from_secs(20);
const SILENT_MAX: Duration = Duration::from_secs(3);

fn member(id: u32, is_voter: bool, matched: u64, heard_s: Option<u64>) -> MemberState {
    MemberState {
        info: wire::MemberInfo { id, becomes_voter: true, ..wire::MemberInfo::default() },
        is_voter,
        matched: Some(matched),
        heard: heard_s.map(Duration::from_secs),
    }
}

/// Node 1 leads, with so many entries.
fn state(members: Vec<MemberState>) -> State {
    State {
        role: wire::Role::Leader,
        term: 1,
        leader: Some(1),
        members,
        last_log: Some(5_000),
        committed: Some(5_000),
        applied: Some(5_000),
        snapshot: None,
        purged: None,
        confirmed: None,
        is_changing: false,
        is_half_changed: false,
        stopped: None,
    }
}

/// A learner that had all of the log and was dead became a voter all the same, by itself or by command. In a cluster of one that was the
/// end of it: two voters, one of them dead, decide nothing any more, not even that the dead one goes.
#[test]
fn f21_f23_a_learner_is_promoted_when_it_has_the_log_and_answers_and_a_majority_does() {
    let may = |members| may_be_promoted(&state(members), 9, 1, SILENT_MAX).map_err(|error| error.to_string());
    let me = || member(1, true, 5_000, None);
    let refused = |members, why: &str| {
        let text = may(members).unwrap_err();
        assert!(text.contains(why), "{text}");
    };
    may(vec![me(), member(9, false, 5_000, Some(0))]).unwrap();
    may(vec![me(), member(9, false, 4_500, Some(1))]).unwrap();
    refused(vec![me(), member(9, false, 3_000, Some(0))], "caught up");
    refused(vec![me(), member(9, false, 5_000, Some(4))], "does not answer");
    refused(vec![me(), member(9, false, 5_000, None)], "does not answer");
    refused(vec![me()], "no node 9");

    let learner = || member(9, false, 5_000, Some(0));
    may(vec![me(), member(2, true, 5_000, Some(0)), member(3, true, 9, Some(60)), learner()]).unwrap();
    let two_dead = vec![me(), member(2, true, 9, Some(60)), member(3, true, 9, None), learner()];
    refused(two_dead, "4 voters, of which 2 answer");
}

async fn until(what: &str, mut done: impl FnMut() -> bool) {
    let end = tokio::time::Instant::now() + SOON;
    while !done() {
        assert!(tokio::time::Instant::now() < end, "{what}: not within {SOON:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A joint configuration that a leader left behind stayed for ever, and no member could be changed any more.
#[tokio::test]
async fn f23_a_change_that_was_left_half_done_is_finished_by_whoever_leads() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::builder(dir.path().join("node")).start().unwrap();
    let group = node.shared().group().unwrap();
    let voters = || group.state().members.iter().filter(|member| member.is_voter).count();
    // A leader changes nothing before its first entry is committed, the one behind that which made the cluster.
    until("its first entry is committed", || group.state().committed > Some(0)).await;
    group.change_by_half().await;
    until("it is finished", || !group.state().is_changing).await;
    assert_eq!(voters(), 1);
    node.shutdown().await;
}

/// Whoever asked for a change took its second half along when he went.
#[tokio::test]
async fn f23_a_change_that_nobody_waits_for_runs_to_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let start = |name: &str| Node::builder(dir.path().join(name)).listen("127.0.0.1:0");
    let leader = start("leader").start().unwrap();
    let address = leader.address().unwrap().to_string();
    let learner = start("learner").join(address).becomes_voter(false).start().unwrap();
    learner.ready(SOON).await.unwrap();
    let shared = leader.shared();
    let group = shared.group().unwrap();
    let silent_max = shared.timing.silent_max();
    until("it can be promoted", || may_be_promoted(&group.state(), 2, 1, silent_max).is_ok()).await;

    let mut asked = Box::pin(shared.promote(2));
    assert!(futures_util::poll!(&mut asked).is_pending());
    drop(asked);
    until("it is a voter", || group.state().member(2).is_some_and(|member| member.is_voter)).await;
    until("the change is at its end", || !group.state().is_changing).await;
    learner.shutdown().await;
    leader.shutdown().await;
}

/// A node that asked in the moment in which the first one began its cluster was refused for good, and ended.
#[tokio::test]
async fn f23_who_asks_while_the_cluster_begins_is_let_in() {
    let dir = tempfile::tempdir().unwrap();
    for round in 0..10 {
        let node = Node::builder(dir.path().join(round.to_string())).start().unwrap();
        let asking = wire::NodeIdentity {
            store_id: vec![7; 16].into(),
            incarnation: vec![8; 16].into(),
            address: "127.0.0.1:7".to_owned(),
            ..wire::NodeIdentity::default()
        };
        let answer = node.shared().let_in(asking, false).await.unwrap();
        assert_eq!(answer.node_id, 2, "round {round}");
        node.shutdown().await;
    }
}
