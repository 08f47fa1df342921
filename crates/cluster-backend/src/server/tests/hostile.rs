//! What no client of ours sends: malformed, of another cluster, too large, or without ever reading the answers.

use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use pentad_client::wire::keys_client::KeysClient;
use pentad_client::wire::{
    Call, Calls, GetRequest, Operation, RangeRequest, WatchRequest, Write, WriteRequest, call, reply,
};
use pentad_client::{ClientApi, Failure, FailureKind};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::local::Manners;
use super::server::Server;

async fn started() -> (tempfile::TempDir, Server, KeysClient<tonic::transport::Channel>) {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(&directory.path().join("store"), Manners::default()).await;
    let keys = KeysClient::connect(format!("http://{}", server.address)).await.unwrap();
    (directory, server, keys)
}

fn get(number: u64) -> Call {
    let get = GetRequest { key: Bytes::from_static(b"k"), ..GetRequest::default() };
    Call { number, timeout_ms: 0, kind: Some(call::Kind::Get(get)) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f24_noise_instead_of_a_connection_harms_nobody() {
    let (_directory, server, _) = started().await;
    for noise in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        &[0xff; 100_000],
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff\xff\xff\xff",
    ] {
        let mut connection = TcpStream::connect(&server.address).await.unwrap();
        let _may_be_broken_off = connection.write_all(noise).await;
        let mut answer = Vec::new();
        let ended = tokio::time::timeout(Duration::from_secs(10), connection.read_to_end(&mut answer)).await;
        assert!(ended.is_ok(), "the connection was left open after {} bytes of noise", noise.len());
    }
    server.client().await.put("k", "v").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f24_what_is_not_understood_is_refused_as_a_whole() {
    let (_directory, server, mut keys) = started().await;
    let operations = vec![Operation { kind: None }];
    let write = Write { operations, ..Write::default() };
    let refused = keys.transact(WriteRequest { write: Some(write), request: None }).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::InvalidArgument);
    assert_eq!(Failure::from(refused).kind(), FailureKind::InvalidInput);
    let token = Bytes::from_static(b"no token");
    let refused = keys.range(RangeRequest { token, ..RangeRequest::default() }).await.unwrap_err();
    assert_eq!(Failure::from(refused).kind(), FailureKind::InvalidInput);
    assert_eq!(server.local.store.sequence().0, 0);

    let calls = Calls { calls: vec![Call { number: 7, ..Call::default() }, get(8)], ..Calls::default() };
    let mut replies = keys.exchange(futures_util::stream::iter([calls])).await.unwrap().into_inner();
    let mut answered = Vec::new();
    while let Some(some) = replies.message().await.unwrap() {
        answered.extend(some.replies);
    }
    answered.sort_by_key(|reply| reply.number);
    let Some(reply::Kind::Failure(failure)) = &answered[0].kind else { panic!("it was answered") };
    assert_eq!(failure.kind(), FailureKind::Unsupported);
    assert!(matches!(answered[1].kind, Some(reply::Kind::Get(_))), "the call beside it is answered");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f24_a_stream_for_another_cluster_is_refused() {
    let (_directory, _server, mut keys) = started().await;
    for (cluster_id, group_id) in [(Bytes::from_static(b"another"), 0), (Bytes::new(), 1)] {
        let calls = Calls { calls: vec![get(1)], cluster_id, group_id };
        let mut replies = keys.exchange(futures_util::stream::iter([calls])).await.unwrap().into_inner();
        let refused = replies.message().await.unwrap_err();
        assert_eq!(Failure::from(refused).kind(), FailureKind::Mismatch);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f24_a_message_beyond_the_limit_is_refused_before_it_is_read() {
    let (_directory, server, keys) = started().await;
    let mut keys = keys.max_encoding_message_size(usize::MAX);
    let key = Bytes::from(vec![0; pentad_client::MESSAGE_BYTES_MAX + 1]);
    let refused = keys.get(GetRequest { key, ..GetRequest::default() }).await.unwrap_err();
    assert!(
        matches!(
            refused.code(),
            tonic::Code::OutOfRange | tonic::Code::ResourceExhausted | tonic::Code::Unknown
        ),
        "{refused:?}"
    );
    server.client().await.put("k", "v").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f24_a_watcher_that_never_reads_holds_up_nobody() {
    let (_directory, server, mut keys) = started().await;
    let client = server.client().await;
    let mut lazy = Vec::new();
    for _ in 0..8 {
        lazy.push(
            keys.watch(WatchRequest { from: Some(1), ..WatchRequest::default() }).await.unwrap().into_inner(),
        );
    }
    for number in 0..300 {
        client.put(format!("k{number}"), vec![0; 90_000]).await.unwrap();
    }
    for watching in &mut lazy {
        let first = watching.next().await.expect("it stands").unwrap();
        assert!(first.event.is_some());
    }
    assert_eq!(server.local.store.sequence().0, 300);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f24_a_caller_that_never_reads_its_answers_is_held_up_alone() {
    let (_directory, server, mut keys) = started().await;
    let client = server.client().await;
    client.put("k", vec![0; 100_000]).await.unwrap();
    // 2 GB of answers are asked for; what is not read is not made.
    let calls = (0..40_u64).map(|batch| {
        let calls = (0..500).map(|number| get(batch * 500 + number)).collect();
        Calls { calls, ..Calls::default() }
    });
    let _unread = keys.exchange(futures_util::stream::iter(calls)).await.unwrap();
    for _ in 0..50 {
        client.put("k", vec![1; 100_000]).await.unwrap();
    }
}
