//! Answers that are long, one by one or together.

use bytes::Bytes;
use pentad_client::wire::keys_client::KeysClient;
use pentad_client::wire::{Call, Calls, GetMultiRequest, GetRequest, Reply, call, reply};
use pentad_client::{Batch, ClientApi, FailureKind, MESSAGE_BYTES_MAX};

use super::local::Manners;
use super::server::Server;

async fn started() -> (tempfile::TempDir, Server) {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(&directory.path().join("store"), Manners::default()).await;
    (directory, server)
}

/// Replies were put together up to 1 MiB, and then one more: with a long one the message was too long, and the stream ended with
/// every call on it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f24_a_long_answer_goes_alone() {
    let (_directory, server) = started().await;
    server.client().await.put("k", vec![7; 95_000]).await.unwrap();
    let key = Bytes::from_static(b"k");
    let get = |number| {
        let get = GetRequest { key: key.clone(), ..GetRequest::default() };
        Call { number, timeout_ms: 0, kind: Some(call::Kind::Get(get)) }
    };
    let many = GetMultiRequest { keys: vec![key.clone(); 696], ..GetMultiRequest::default() };
    let many = Call { number: 11, timeout_ms: 0, kind: Some(call::Kind::GetMulti(many)) };
    let calls = (0..11).map(get).chain([many]).collect();
    let calls = futures_util::stream::iter([Calls { calls, ..Calls::default() }]);
    let keys = KeysClient::connect(format!("http://{}", server.address)).await.unwrap();
    let mut keys = keys.max_decoding_message_size(MESSAGE_BYTES_MAX);
    let mut replies = keys.exchange(calls).await.unwrap().into_inner();
    let mut answered: Vec<Reply> = Vec::new();
    while let Some(some) = replies.message().await.expect("the stream goes on") {
        answered.extend(some.replies);
    }
    assert_eq!(answered.len(), 12);
    let is_answered =
        |reply: &Reply| matches!(reply.kind, Some(reply::Kind::Get(_) | reply::Kind::GetMulti(_)));
    assert!(answered.iter().all(is_answered));
}

/// A client that asked for more values than a message holds lost its connection, and all other calls on it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f24_an_answer_that_is_too_long_fails_its_call_and_no_other() {
    let (_directory, server) = started().await;
    let client = server.client().await;
    let mut write = Batch::new();
    for number in 0..600_u32 {
        write.put(number.to_be_bytes(), vec![7; 95_000]);
    }
    let mut rest = Batch::new();
    for number in 600..800_u32 {
        rest.put(number.to_be_bytes(), vec![7; 95_000]);
    }
    client.keys().commit(write).await.unwrap();
    client.keys().commit(rest).await.unwrap();
    let others = {
        let client = client.clone();
        tokio::spawn(async move {
            for _ in 0..200 {
                client.get(1_u32.to_be_bytes()).await.unwrap();
            }
        })
    };
    let keys: Vec<Bytes> = (0..800_u32).map(|number| Bytes::copy_from_slice(&number.to_be_bytes())).collect();
    let failure = client.keys().get_many(keys).await.unwrap_err();
    assert_eq!(failure.kind(), FailureKind::InvalidInput, "{failure}");
    // The store of these tests has no look at what its answer will be. What is applied and cannot be answered is of unknown outcome.
    let mut delete = Batch::new();
    delete.with_previous();
    for number in 0..800_u32 {
        delete.delete(number.to_be_bytes());
    }
    let client = client.within(std::time::Duration::from_millis(500));
    let failure = client.keys().commit(delete).await.unwrap_err();
    assert!(failure.outcome_unknown, "{failure}");
    others.await.expect("the other calls were answered");
}
