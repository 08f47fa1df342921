//! Watches over the network: whole commits, each once, whatever happens to the connection.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures_util::StreamExt as _;
use pentad_client::{Batch, ClientApi, FailureKind, Watch, WatchEvent, WatchFilter, WatchFrom};

use pentad_engine::Sequence;

use super::local::Manners;
use super::server::Server;

async fn next(watch: &mut Watch) -> WatchEvent {
    let event = tokio::time::timeout(Duration::from_secs(20), watch.next()).await;
    event.expect("something is told").expect("the watch goes on").expect("nothing is wrong")
}

async fn next_commit(watch: &mut Watch) -> (u64, usize) {
    loop {
        match next(watch).await {
            WatchEvent::Commit(commit) => return (commit.sequence, commit.changes.len()),
            WatchEvent::Watching(_) => {}
            other => panic!("told {other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f12_a_watch_outlives_the_connection() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(&directory.path().join("store"), Manners::default()).await;
    let client = server.client().await;
    client.put("a", "1").await.unwrap();
    let mut watch = client.watch(WatchFilter::All, WatchFrom::sequence(1));
    assert_eq!(next_commit(&mut watch).await, (1, 1));
    client.put("b", "2").await.unwrap();
    let server = server.restart().await;
    client.put("c", "3").await.unwrap();
    assert_eq!(next_commit(&mut watch).await, (2, 1));
    assert_eq!(next_commit(&mut watch).await, (3, 1));
    assert_eq!(watch.resume_at(), Some(4));
    drop(server);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_commit_arrives_whole() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(&directory.path().join("store"), Manners::default()).await;
    let client = server.client().await;
    let mut batch = Batch::new();
    for number in 0..50_u8 {
        batch.put([number], vec![number; 90_000]);
    }
    client.keys().commit(batch).await.unwrap();
    let mut watch = client.watch(WatchFilter::All, WatchFrom { until_now: true, ..WatchFrom::sequence(1) });
    assert_eq!(next_commit(&mut watch).await, (1, 50));
    assert!(watch.next().await.is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_from_what_is_not_there_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(&directory.path().join("store"), Manners::default()).await;
    let client = server.client().await;
    let mut watch = client.watch(WatchFilter::key("k"), WatchFrom::sequence(9));
    let failure = watch.next().await.expect("an event").unwrap_err();
    assert_eq!(failure.kind(), FailureKind::Pruned);
    assert!(watch.next().await.is_none());
}

/// A watch was refused at once when the node that it was taken up at had not applied yet what another one had told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f12_a_watch_that_is_taken_up_at_a_node_that_is_behind_waits_for_it() {
    let directory = tempfile::tempdir().unwrap();
    let manners = Manners { is_behind: AtomicU32::new(3), ..Manners::default() };
    let server = Server::start(&directory.path().join("store"), manners).await;
    let client = server.client().await;
    client.put("a", "1").await.unwrap();
    let mut watch = client.watch(WatchFilter::All, WatchFrom::sequence(2));
    assert_eq!(next(&mut watch).await, WatchEvent::Watching(2));
    client.put("a", "2").await.unwrap();
    assert_eq!(next_commit(&mut watch).await, (2, 1));
    assert_eq!(server.local.manners.is_behind.load(Ordering::Relaxed), 0);
}

/// A watch that stood, and lost its place while it had no connection, ended with an error instead of saying so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f12_what_was_pruned_while_a_watch_was_cut_off_is_told_as_lost() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(&directory.path().join("store"), Manners::default()).await;
    let client = server.client().await;
    client.put("a", "1").await.unwrap();
    let mut watch = client.watch(WatchFilter::All, WatchFrom::sequence(1));
    assert_eq!(next_commit(&mut watch).await, (1, 1));
    // Nobody takes what comes now from the watch, and then the connection breaks.
    let mut server = server;
    server.kill();
    for number in 0..8 {
        server.local.store.put("a", number.to_string()).unwrap();
    }
    server.local.store.prune(Sequence(6)).unwrap();
    let server = server.restart().await;
    assert_eq!(next(&mut watch).await, WatchEvent::Lost(6));
    assert_eq!(next_commit(&mut watch).await, (6, 1));
    drop(server);
}

/// The deadline of a watch counted from the last thing that was told: one that had stood still for longer ended with the connection.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f12_a_watch_of_what_seldom_changes_outlives_the_connection_too() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(&directory.path().join("store"), Manners::default()).await;
    let client = server.client().await.within(Duration::from_secs(1));
    let mut watch = client.watch(WatchFilter::All, WatchFrom::now());
    assert_eq!(next(&mut watch).await, WatchEvent::Watching(1));
    let told = tokio::spawn(async move { next_commit(&mut watch).await });
    // Longer than the deadline, and shorter than what a node is silent at most.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let server = server.restart().await;
    server.local.store.put("a", "1").unwrap();
    assert_eq!(told.await.unwrap(), (1, 1));
}
