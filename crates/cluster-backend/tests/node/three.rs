//! Three nodes over the loopback interface: they agree, survive the loss of any of them, and change their members.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use pentad_client::wire::{self, Consistency};
use pentad_cluster_backend::{ErrorKind, Node, Timing};

use crate::support::{Trio, call, digest, get, get_at, log, put, set, until};

const SOON: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_join_become_voters_and_every_one_answers() {
    log();
    let trio = Trio::start().await;
    for (number, node) in trio.all().enumerate() {
        set(node, &format!("k{number}"), "v").await;
    }
    for node in trio.all() {
        for number in 0..3 {
            assert_eq!(get(node, &format!("k{number}")).await.as_deref(), Some("v"));
            assert_eq!(
                get_at(node, &format!("k{number}"), Consistency::Lease).await.unwrap().as_deref(),
                Some("v")
            );
        }
        let members = node.members().await.unwrap();
        let roles: Vec<_> =
            members.members.iter().map(|member| (member.id, member.role(), member.status())).collect();
        let active = wire::MemberStatus::Active;
        let (leader, follower) = (wire::Role::Leader, wire::Role::Follower);
        assert_eq!(roles, [(1, leader, active), (2, follower, active), (3, follower, active)]);
        assert!(members.members.iter().all(|member| member.reachable && member.applied_index.is_some()));
    }
    trio.agree().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f20_f21_a_lost_leader_takes_no_acknowledged_write_along() {
    log();
    let mut trio = Trio::start().await;
    let stop = Arc::new(AtomicBool::new(false));
    // Two writers at the nodes that stay; each notes what was acknowledged.
    let writers: Vec<_> = [1, 2]
        .into_iter()
        .map(|at| {
            let (node, stop) = (trio.node(at).clone(), Arc::clone(&stop));
            tokio::spawn(async move {
                let (mut acknowledged, mut longest, mut last) = (0, Duration::ZERO, Instant::now());
                while !stop.load(Ordering::Relaxed) {
                    let written = call(&node, put(&format!("w{at}-{acknowledged}"), "x")).await;
                    if written.is_ok() {
                        acknowledged += 1;
                        longest = longest.max(last.elapsed());
                        last = Instant::now();
                    }
                }
                (at, acknowledged, longest)
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_secs(1)).await;
    trio.kill(0);
    tokio::time::sleep(Duration::from_secs(5)).await;
    trio.restart(0).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    stop.store(true, Ordering::Relaxed);
    let mut written = Vec::new();
    for writer in writers {
        let (at, acknowledged, longest) = writer.await.unwrap();
        assert!(longest < Duration::from_secs(5), "no service for {longest:?}");
        written.push((at, acknowledged));
    }
    trio.agree().await;
    for node in trio.all() {
        for (at, acknowledged) in &written {
            assert!(*acknowledged > 20);
            let store = node.store().unwrap();
            for number in 0..*acknowledged {
                assert!(store.get(format!("w{at}-{number}")).unwrap().is_some(), "w{at}-{number} is lost");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f19_leadership_moves_while_counters_are_raised_and_none_counts_twice() {
    log();
    let trio = Trio::start().await;
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = trio
        .all()
        .map(|node| {
            let (node, stop) = (node.clone(), Arc::clone(&stop));
            tokio::spawn(async move {
                let mut raised = 0;
                while !stop.load(Ordering::Relaxed) {
                    let increment =
                        wire::operation::Kind::Increment(wire::Increment { key: "n".into(), delta: 1 });
                    call(&node, crate::support::write(vec![increment])).await.unwrap();
                    raised += 1;
                }
                raised
            })
        })
        .collect();
    for to in [2, 3, 1] {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let leader = trio.node(0).transfer(Some(to)).await.unwrap().leader.unwrap();
        assert_eq!(leader.id, to);
    }
    stop.store(true, Ordering::Relaxed);
    let mut raised = 0;
    for writer in writers {
        raised += writer.await.unwrap();
    }
    assert_eq!(get(trio.node(1), "n").await.unwrap(), raised.to_string());
    trio.agree().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f25_a_leader_that_is_shut_down_hands_over_first() {
    log();
    // Without a word of the old leader nobody would want to lead before its lease is over and an election has waited: 15 s.
    let timing = Timing {
        heartbeat: Duration::from_millis(500),
        election_min: Duration::from_secs(7),
        election_max: Duration::from_secs(8),
    };
    let trio = Trio::start_with(timing).await;
    set(trio.node(0), "a", "1").await;
    let leader = trio.node(0).clone();
    let shutting_down = tokio::spawn(async move { leader.shutdown().await });
    until("someone else leads", Duration::from_secs(12), async || {
        trio.node(1).status().leader_id.is_some_and(|leader| leader != 1)
    })
    .await;
    set(trio.node(2), "b", "2").await;
    shutting_down.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f22_a_node_that_is_behind_the_log_gets_a_snapshot() {
    log();
    let mut trio = Trio::start().await;
    trio.kill(2);
    for number in 0..300 {
        set(trio.node(0), &format!("k{number}"), &"x".repeat(2_000)).await;
    }
    assert!(trio.node(0).snapshot().await.unwrap().is_some());
    until("the log is given up", SOON, async || trio.node(0).status().purged_index > Some(100)).await;
    trio.restart(2).await;
    // A fourth node joins in the same way, while someone writes.
    let fourth = Node::builder(trio.path(3)).listen("127.0.0.1:0").join(trio.address(0)).start().unwrap();
    for number in 0..100 {
        set(trio.node(1), &format!("late{number}"), "y").await;
    }
    until("the fourth votes", SOON, async || {
        trio.node(0)
            .members()
            .await
            .unwrap()
            .members
            .iter()
            .any(|member| member.id == 4 && member.role() == wire::Role::Follower)
    })
    .await;
    trio.agree().await;
    until("the fourth has it all", SOON, async || digest(&fourth) == digest(trio.node(0))).await;
    assert_eq!(get(&fourth, "k7").await.unwrap().len(), 2_000);
    fourth.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f23_the_leader_is_removed_and_one_node_is_left() {
    log();
    let mut trio = Trio::start().await;
    set(trio.node(0), "a", "1").await;
    let members = trio.node(1).remove(1).await.unwrap();
    assert_eq!(members.members.iter().map(|member| member.id).collect::<Vec<_>>(), [2, 3]);
    trio.kill(0);
    set(trio.node(2), "b", "2").await;
    // Removed means removed: its directory does not come back, and its id is not given again.
    trio.restart(0).await;
    let write = wire::Call { number: 1, timeout_ms: 1_000, kind: Some(put("c", "3")) };
    let Some(wire::reply::Kind::Failure(_)) = trio.node(0).call(write).await.kind else {
        panic!("it was accepted")
    };
    trio.kill(0);

    let leader = trio.node(1).status().leader_id.unwrap();
    let other = if leader == 2 { 3 } else { 2 };
    trio.node(1).remove(other).await.unwrap();
    let left = trio.node(usize::try_from(leader - 1).unwrap());
    assert_eq!(set(left, "d", "4").await, 3);
    let refused = left.remove(leader).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Refused);
    let fresh = Node::builder(trio.path(4))
        .listen("127.0.0.1:0")
        .join(trio.address(leader as usize - 1))
        .start()
        .unwrap();
    fresh.ready(SOON).await.unwrap();
    assert_eq!(fresh.status().node.unwrap().node_id, 4);
    fresh.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f23_without_a_majority_a_voter_is_not_removed_and_no_write_is_accepted() {
    log();
    let mut trio = Trio::start().await;
    set(trio.node(0), "a", "1").await;
    trio.kill(2);
    tokio::time::sleep(Duration::from_secs(4)).await;
    let refused = trio.node(0).remove(2).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Refused, "{refused}");
    // The dead one may go.
    trio.node(0).remove(3).await.unwrap();
    trio.kill(1);
    let write = wire::Call { number: 1, timeout_ms: 1_000, kind: Some(put("b", "2")) };
    let Some(wire::reply::Kind::Failure(failure)) = trio.node(0).call(write).await.kind else {
        panic!("it was accepted")
    };
    assert!(failure.outcome_unknown, "{failure:?}");
    let read = get_at(trio.node(0), "a", Consistency::Lease).await.unwrap_err();
    assert!(
        matches!(read.kind(), wire::FailureKind::LeaseNotHeld | wire::FailureKind::NotLeader),
        "{read:?}"
    );
    assert_eq!(get_at(trio.node(0), "a", Consistency::Eventual).await.unwrap().as_deref(), Some("1"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f23_copies_strangers_and_wiped_members_are_refused() {
    log();
    let mut trio = Trio::start().await;
    set(trio.node(0), "a", "1").await;
    // A copy of a directory, elsewhere: it joins nothing and says why. Nobody writes to it while it is copied.
    trio.node(2).shutdown().await;
    trio.kill(2);
    assert!(trio.copy(2, 5));
    let copy = Node::builder(trio.path(5)).listen("127.0.0.1:0").join(trio.address(0)).start();
    let refused = copy.map(drop).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Mismatch, "{refused}");

    // The member's address with an empty directory.
    let wiped = Node::builder(trio.path(6)).listen(trio.address(2)).join(trio.address(0)).start().unwrap();
    let refused = wiped.ready(SOON).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Mismatch, "{refused}");
    assert!(refused.to_string().contains("Remove node 3"), "{refused}");
    wiped.shutdown().await;

    // A node of another cluster.
    let stranger = Node::builder(trio.path(7)).listen("127.0.0.1:0").start().unwrap();
    let address = stranger.address().unwrap().to_string();
    assert_eq!(trio.node(0).add(&address, true).await.unwrap_err().kind(), ErrorKind::Mismatch);
    stranger.shutdown().await;

    // Removed, the address is free again, under another id.
    trio.node(0).remove(3).await.unwrap();
    let fresh = Node::builder(trio.path(8)).listen(trio.address(2)).join(trio.address(1)).start().unwrap();
    fresh.ready(SOON).await.unwrap();
    assert_eq!(fresh.status().node.unwrap().node_id, 4);
    until("it has everything", SOON, async || digest(&fresh) == digest(trio.node(0))).await;
    fresh.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_is_begun_of_a_list_and_one_is_invited() {
    log();
    let dir = tempfile::tempdir().unwrap();
    let start =
        |name: &str| Node::builder(dir.path().join(name)).listen("127.0.0.1:0").wait().start().unwrap();
    let nodes = [start("a"), start("b"), start("c")];
    assert!(nodes[0].ready(Duration::from_millis(300)).await.is_err());
    let addresses: Vec<_> = nodes.iter().map(|node| node.address().unwrap().to_string()).collect();
    nodes[1].bootstrap(&addresses).await.unwrap();
    for node in &nodes {
        node.ready(SOON).await.unwrap();
    }
    set(&nodes[0], "a", "1").await;
    let fourth = start("d");
    nodes[2].add(&fourth.address().unwrap().to_string(), false).await.unwrap();
    fourth.ready(SOON).await.unwrap();
    assert_eq!(get(&fourth, "a").await.as_deref(), Some("1"));
    let members = nodes[0].members().await.unwrap().members;
    assert_eq!(members[3].status(), wire::MemberStatus::ReadOnly);
    nodes[0].promote(4).await.unwrap();
    assert_eq!(nodes[0].members().await.unwrap().members[3].status(), wire::MemberStatus::Active);
    for node in nodes.iter().chain([&fourth]) {
        node.shutdown().await;
    }
}

/// The cluster of one used to be at its end with this: two voters, of which one is dead, decide nothing any more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f21_f23_a_learner_that_is_dead_does_not_become_a_voter() {
    log();
    let dir = tempfile::tempdir().unwrap();
    let start = |name: &str| Node::builder(dir.path().join(name)).listen("127.0.0.1:0");
    let leader = start("leader").start().unwrap();
    let address = leader.address().unwrap().to_string();
    let learner = start("learner").join(address).becomes_voter(false).start().unwrap();
    learner.ready(SOON).await.unwrap();
    set(&leader, "a", "1").await;
    until("it has all", SOON, async || digest(&learner) == digest(&leader)).await;
    learner.shutdown().await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    let promoted = tokio::time::timeout(SOON, leader.promote(2)).await.expect("it is answered");
    let refused = promoted.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Refused);
    assert!(refused.to_string().contains("node 2 does not answer"), "{refused}");
    assert_eq!(set(&leader, "b", "2").await, 2);
    leader.shutdown().await;
}

/// A node that was stopped while it began a cluster with others came back as a cluster of one, and the others, which it had invited
/// already, waited for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f23_a_node_that_was_stopped_amid_a_bootstrap_goes_on_with_the_same_members() {
    log();
    let dir = tempfile::tempdir().unwrap();
    let start = |name: &str, listen: &str| {
        Node::builder(dir.path().join(name)).listen(listen).wait().start().unwrap()
    };
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let third = free.local_addr().unwrap().to_string();
    drop(free);
    let nodes = [start("a", "127.0.0.1:0"), start("b", "127.0.0.1:0")];
    let mut addresses: Vec<_> = nodes.iter().map(|node| node.address().unwrap().to_string()).collect();
    addresses.push(third.clone());
    // The third does not run yet, so only the second is invited.
    let failed = nodes[0].bootstrap(&addresses).await.unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::Unavailable, "{failed}");
    let [first, second] = nodes;
    first.shutdown().await;

    let first = start("a", &addresses[0]);
    assert!(first.ready(Duration::from_secs(2)).await.is_err(), "alone it is no cluster");
    let swapped = [addresses[2].clone(), addresses[0].clone(), addresses[1].clone()];
    let refused = first.bootstrap(&swapped).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Mismatch, "{refused}");
    let third = start("c", &third);
    for node in [&first, &second, &third] {
        node.ready(SOON).await.unwrap();
    }
    set(&third, "a", "1").await;
    let members = first.members().await.unwrap().members;
    let ids: Vec<_> = members.iter().map(|member| (member.id, member.address.clone())).collect();
    assert_eq!(ids, [1, 2, 3].into_iter().zip(addresses.clone()).collect::<Vec<_>>());
    for node in [&first, &second, &third] {
        node.shutdown().await;
    }
    // It is a member like any other from here on.
    let nodes = [start("a", &addresses[0]), start("b", &addresses[1])];
    nodes[0].ready(SOON).await.unwrap();
    assert_eq!(get(&nodes[1], "a").await.as_deref(), Some("1"));
    for node in &nodes {
        node.shutdown().await;
    }
}
