//! Calls whose answers are lost, refused or late.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use pentad_client::{Batch, Client, ClientApi, FailureKind, KvBackend};

use super::local::Manners;
use super::server::Server;

fn swallowing(count: u32) -> Manners {
    Manners { swallows: AtomicU32::new(count), ..Manners::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f19_a_write_whose_answer_is_lost_is_repeated_and_applied_once() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(&directory.path().join("store"), swallowing(2)).await;
    let builder = Client::builder().attempt(Duration::from_millis(100));
    let client = builder.connect([server.address.clone()]).await.unwrap();
    assert_eq!(client.increment("n", 1).await.unwrap(), 1);
    assert_eq!(client.increment("n", 1).await.unwrap(), 2);
    assert_eq!(server.local.manners.writes.load(Ordering::Relaxed), 4);
    assert_eq!(server.local.store.sequence().0, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f19_a_write_that_is_not_answered_is_of_unknown_outcome() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(&directory.path().join("store"), swallowing(u32::MAX)).await;
    let client = server.client().await.within(Duration::from_millis(300));
    let begun = Instant::now();
    let mut batch = Batch::new();
    batch.put("k", "v");
    let failure = client.keys().commit(batch).await.unwrap_err();
    assert!(failure.outcome_unknown, "{failure:?}");
    assert!(begun.elapsed() < Duration::from_secs(3), "the deadline holds");
    assert_eq!(client.keys().get("k").await.unwrap().as_deref(), Some(&b"v"[..]), "it was applied after all");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_a_follower_refuses_is_asked_again() {
    let directory = tempfile::tempdir().unwrap();
    let manners = Manners { refuses: AtomicU32::new(3), ..Manners::default() };
    let server = Server::start(&directory.path().join("store"), manners).await;
    let client = server.client().await;
    ClientApi::put(&client, "k", "v").await.unwrap();
    assert_eq!(server.local.manners.refuses.load(Ordering::Relaxed), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f13_calls_go_on_when_a_node_is_killed_and_comes_back() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(&directory.path().join("store"), Manners::default()).await;
    let client = server.client().await;
    client.set("before", b"1").await.unwrap();
    let writing = tokio::spawn({
        let client = client.clone();
        async move {
            for number in 0..200 {
                client.set(&format!("k{number}"), b"v").await.unwrap();
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    let server = server.restart().await;
    writing.await.expect("every write was acknowledged");
    assert_eq!(server.local.store.len(), 201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_not_there_is_named_and_the_others_are_asked() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(&directory.path().join("store"), Manners::default()).await;
    let client = Client::connect(["127.0.0.1:1".to_owned(), server.address.clone()]).await.unwrap();
    for number in 0..20 {
        client.set(&format!("k{number}"), b"v").await.unwrap();
        assert!(ClientApi::get_eventual(&client, format!("k{number}")).await.unwrap().is_some());
    }
    let failure = Client::connect(["127.0.0.1:1"]).await.unwrap_err();
    assert_eq!(failure.kind(), FailureKind::Unavailable);
    assert!(failure.message.contains("127.0.0.1:1"), "{failure}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_never_left_is_not_of_unknown_outcome() {
    let directory = tempfile::tempdir().unwrap();
    let mut server = Server::start(&directory.path().join("store"), Manners::default()).await;
    let client = server.client().await.within(Duration::from_millis(300));
    client.set("k", b"v").await.unwrap();
    server.kill();
    super::server::until("nobody listens any more", async || {
        tokio::net::TcpStream::connect(&server.address).await.is_err()
    })
    .await;
    // This one may have met the old connection, and be of unknown outcome; what comes behind it must not.
    let _meets_the_end = client.set("k", b"w").await;
    let mut batch = Batch::new();
    batch.put("k", "x");
    let failure = client.keys().commit(batch).await.unwrap_err();
    assert!(!failure.outcome_unknown, "{failure:?}");
    assert_eq!(failure.kind(), FailureKind::Unavailable);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_are_made_together_travel_together() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(&directory.path().join("store"), Manners::default()).await;
    let client = server.client().await;
    let writes = (0..500).map(|number| {
        let client = client.clone();
        async move { ClientApi::put(&client, format!("k{number}"), "v").await }
    });
    for written in futures_util::future::join_all(writes).await {
        written.unwrap();
    }
    let reads = (0..500).map(|number| {
        let client = client.clone();
        async move { ClientApi::get(&client, format!("k{number}")).await }
    });
    for read in futures_util::future::join_all(reads).await {
        assert_eq!(read.unwrap().as_deref(), Some(&b"v"[..]));
    }
}

/// A node of another cluster at an address that was of this one was asked until the deadline ended, and then said to be unavailable.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_of_another_cluster_is_told_as_such_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(&directory.path().join("store"), Manners::default()).await;
    let client = server.client().await;
    server.local.manners.is_foreign.store(true, Ordering::Relaxed);
    let begun = Instant::now();
    let mut batch = Batch::new();
    batch.put("k", "v");
    let failure = client.keys().commit(batch).await.unwrap_err();
    assert_eq!(failure.kind(), FailureKind::Mismatch, "{failure}");
    assert!(!failure.outcome_unknown && failure.message.contains(&server.address), "{failure}");
    assert!(begun.elapsed() < Duration::from_secs(5));
}

/// It was told as one that had not been made, and the command asked the next node for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f19_f23_a_change_of_the_members_whose_connection_breaks_is_asked_for_once_and_of_unknown_outcome() {
    let directory = tempfile::tempdir().unwrap();
    let mut server = Server::start(&directory.path().join("store"), Manners::default()).await;
    let client = server.client().await;
    let removing = tokio::spawn(async move { client.cluster().remove(1).await });
    super::server::until("it is asked for", async || server.removals.load(Ordering::Relaxed) > 0).await;
    server.kill();
    let failure = removing.await.unwrap().unwrap_err();
    assert!(failure.outcome_unknown && failure.to_string().contains("look at the members"), "{failure}");
    assert_eq!(server.removals.load(Ordering::Relaxed), 1);
}
