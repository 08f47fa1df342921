//! Watches over the network: whole commits, each once, whatever happens to the connection.

use std::time::Duration;

use futures_util::StreamExt as _;
use pentad_client::{Batch, ClientApi, FailureKind, Watch, WatchEvent, WatchFilter, WatchFrom};

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
