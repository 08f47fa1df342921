//! One node is a cluster of one, without any configuration.

use std::time::Duration;

use pentad_client::wire::{self, reply};
use pentad_cluster_backend::{Node, Retention};

use crate::support::{call, digest, get, get_at, log, put, set, until};

#[tokio::test]
async fn a_node_alone_writes_reads_and_remembers() {
    log();
    let dir = tempfile::tempdir().unwrap();
    let node = Node::builder(dir.path().join("node")).start().unwrap();
    assert_eq!(get(&node, "a").await, None);
    assert_eq!(set(&node, "a", "1").await, 1);
    assert_eq!(set(&node, "a", "2").await, 2);
    for consistency in
        [wire::Consistency::Linearizable, wire::Consistency::Lease, wire::Consistency::Eventual]
    {
        assert_eq!(get_at(&node, "a", consistency).await.unwrap().as_deref(), Some("2"));
    }
    let before = digest(&node);
    node.shutdown().await;

    let node = Node::builder(dir.path().join("node")).start().unwrap();
    assert_eq!(get(&node, "a").await.as_deref(), Some("2"));
    assert_eq!(set(&node, "b", "3").await, 3);
    assert_ne!(digest(&node), before);
    let members = node.members().await.unwrap();
    assert_eq!(members.members.len(), 1);
    assert_eq!(members.members[0].role(), wire::Role::Leader);
    node.shutdown().await;
}

/// Reads that are answered where they are asked wait for nothing; whoever asks for many in a row must not have his thread for himself.
#[tokio::test]
async fn reads_in_a_row_let_other_tasks_of_the_thread_run_and_end_with_the_node() {
    log();
    let dir = tempfile::tempdir().unwrap();
    let node = Node::builder(dir.path().join("node")).start().unwrap();
    set(&node, "a", "1").await;
    let other = tokio::spawn(std::future::ready(()));
    for _ in 0..1_000 {
        let read = get_at(&node, "a", wire::Consistency::Eventual).await;
        assert_eq!(read.unwrap().as_deref(), Some("1"));
    }
    assert!(other.is_finished(), "it never had its turn");
    node.shutdown().await;
    for consistency in
        [wire::Consistency::Linearizable, wire::Consistency::Lease, wire::Consistency::Eventual]
    {
        let failure = get_at(&node, "a", consistency).await.unwrap_err();
        assert_eq!(failure.kind(), wire::FailureKind::Stopped, "{failure}");
    }
}

#[tokio::test]
async fn a_node_that_was_dropped_replays_its_log() {
    log();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("node");
    for round in 0..3 {
        let mut node = None;
        until("the lock is free", Duration::from_secs(10), async || {
            node = Node::builder(&path).start().ok();
            node.is_some()
        })
        .await;
        let node = node.unwrap();
        for number in 0..20 {
            assert_eq!(set(&node, &format!("k{number}"), &format!("{round}")).await, round * 20 + number + 1);
        }
        // Not shut down.
        drop(node);
    }
}

#[tokio::test]
async fn f18_entries_end_by_the_time_that_is_replicated() {
    log();
    let dir = tempfile::tempdir().unwrap();
    let node = Node::builder(dir.path().join("node")).start().unwrap();
    let when = wire::expiry::When::AfterNs(300_000_000);
    let put =
        wire::Put { key: "a".into(), value: "1".into(), expiry: Some(wire::Expiry { when: Some(when) }) };
    call(&node, crate::support::write(vec![wire::operation::Kind::Put(put)])).await.unwrap();
    assert_eq!(get(&node, "a").await.as_deref(), Some("1"));
    // Nobody writes, and it ends all the same.
    until("the entry ends", Duration::from_secs(5), async || get(&node, "a").await.is_none()).await;
    let applied = node.status().applied_index;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(node.status().applied_index, applied, "time goes on only when something ends");
    node.shutdown().await;
}

#[tokio::test]
async fn f19_a_repeated_request_gets_the_first_result() {
    log();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("node");
    let request =
        |number, settled_below| wire::RequestId { client: vec![7; 16].into(), number, settled_below };
    let increment = |id: wire::RequestId| {
        let increment = wire::Increment { key: "n".into(), delta: 1 };
        let write = wire::Write {
            operations: vec![wire::Operation { kind: Some(wire::operation::Kind::Increment(increment)) }],
            ..Default::default()
        };
        wire::call::Kind::Write(wire::WriteRequest { write: Some(write), request: Some(id) })
    };
    let counter = |reply: Result<reply::Kind, wire::Failure>| match reply.unwrap() {
        reply::Kind::Write(written) => written.counter.unwrap(),
        other => panic!("{other:?}"),
    };
    let node = Node::builder(&path).start().unwrap();
    assert_eq!(counter(call(&node, increment(request(1, 0))).await), 1);
    assert_eq!(counter(call(&node, increment(request(1, 0))).await), 1);
    assert_eq!(counter(call(&node, increment(request(2, 0))).await), 2);
    node.shutdown().await;

    // Also after a restart, and until it is settled.
    let node = Node::builder(&path).start().unwrap();
    assert_eq!(counter(call(&node, increment(request(1, 0))).await), 1);
    assert_eq!(counter(call(&node, increment(request(3, 3))).await), 3);
    let refused = call(&node, increment(request(1, 0))).await.unwrap_err();
    assert_eq!(refused.kind(), wire::FailureKind::RequestForgotten);
    assert_eq!(get(&node, "n").await.as_deref(), Some("3"));
    node.shutdown().await;
}

#[tokio::test]
async fn a_refused_write_changes_nothing_and_is_a_result() {
    log();
    let dir = tempfile::tempdir().unwrap();
    let node = Node::builder(dir.path().join("node")).start().unwrap();
    call(&node, put("word", "no number")).await.unwrap();
    let increment = wire::operation::Kind::Increment(wire::Increment { key: "word".into(), delta: 1 });
    let refused = call(&node, crate::support::write(vec![increment])).await.unwrap_err();
    assert_eq!(refused.kind(), wire::FailureKind::WrongType);
    assert!(!refused.outcome_unknown);
    assert_eq!(set(&node, "next", "1").await, 2);
    node.shutdown().await;
}

#[tokio::test]
async fn f23_a_directory_is_run_by_one_process_and_strange_ones_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::builder(dir.path().join("node")).start().unwrap();
    assert!(Node::builder(dir.path().join("node")).start().is_err());
    node.shutdown().await;
    let strange = dir.path().join("strange");
    std::fs::create_dir(&strange).unwrap();
    std::fs::write(strange.join("letter.txt"), "dear").unwrap();
    let refused = Node::builder(&strange).start().unwrap_err();
    assert!(refused.to_string().contains("letter.txt"), "{refused}");
    assert_eq!(std::fs::read_dir(&strange).unwrap().count(), 1);
}

#[tokio::test]
async fn f20_a_member_whose_log_is_gone_does_not_start_again() {
    log();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("node");
    let node = Node::builder(&path).start().unwrap();
    set(&node, "a", "1").await;
    node.shutdown().await;
    let raft_log = path.join("groups").join("0").join("log");
    std::fs::remove_dir_all(&raft_log).unwrap();
    let refused = Node::builder(&path).start().unwrap_err();
    assert_eq!(refused.kind(), pentad_cluster_backend::ErrorKind::Damaged, "{refused}");
    assert!(refused.to_string().contains("remove it from the cluster"), "{refused}");
    assert!(!raft_log.exists(), "nothing is made in its place");
}

#[tokio::test]
async fn f23_a_node_listens_on_addresses_of_its_machine_only_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:7420", "nowhere"] {
        let refused = Node::builder(dir.path().join("node")).listen(address).start().unwrap_err();
        assert_eq!(refused.kind(), pentad_cluster_backend::ErrorKind::InvalidInput, "{refused}");
        assert!(refused.to_string().contains(address), "{refused}");
        assert!(!dir.path().join("node").exists(), "nothing is made");
    }
}

/// A replica retained a quarter of what was alive, whatever that came to.
#[tokio::test]
async fn f12_a_node_retains_a_bounded_part_of_its_batch_log() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("node");
    let retained = async |node: &Node| {
        for number in 0..40 {
            set(node, &format!("k{number}"), &"x".repeat(10_000)).await;
        }
        let store = node.store().unwrap();
        store.sequence().0 + 1 - store.oldest_batch().unwrap().0
    };
    let node = Node::builder(&path).start().unwrap();
    assert_eq!(retained(&node).await, 40);
    node.shutdown().await;
    let node = Node::builder(&path).retention(Retention::Bytes(100_000)).start().unwrap();
    let kept = retained(&node).await;
    assert!((5..=15).contains(&kept), "{kept} commits of 10,000 bytes in 100,000");
    node.shutdown().await;
}
