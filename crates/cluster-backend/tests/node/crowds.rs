//! Clients that take all connections a node has for them: the nodes still find each other.

use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::support::{Trio, get, log, set, until};

/// What every connection of HTTP/2 begins with; it asks for nothing.
const BEGINNING: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
const ROOM: usize = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f24_nodes_that_are_full_of_clients_still_elect_a_leader() {
    log();
    let mut trio = Trio::start_with_room_for(ROOM).await;
    set(trio.node(0), "before", "1").await;
    let mut crowd = Vec::new();
    for number in [1, 2] {
        // A few more than have room.
        for _ in 0..ROOM + 4 {
            let mut client = TcpStream::connect(trio.address(number)).await.unwrap();
            // What is closed at once may refuse even this.
            if client.write_all(BEGINNING).await.is_ok() {
                crowd.push(client);
            }
        }
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    // The two that are left have to ask each other for votes.
    trio.kill(0);
    until("there is a leader again", Duration::from_secs(10), async || {
        trio.all().any(|node| node.status().leader_id.is_some_and(|leader| leader != 1))
    })
    .await;
    set(trio.node(1), "after", "2").await;
    assert_eq!(get(trio.node(2), "before").await.as_deref(), Some("1"));
    drop(crowd);
}
