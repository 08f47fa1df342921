//! Clients that take all connections a node has for them: the nodes still find each other.

use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::support::{Trio, get, log, set, until};

/// What every connection of HTTP/2 begins with; it asks for nothing.
const BEGINNING: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
const ROOM: usize = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f24_nodes_that_are_full_of_clients_before_they_find_each_other_elect_a_leader() {
    log();
    let mut trio = Trio::start_with_room_for(ROOM).await;
    set(trio.node(0), "before", "1").await;
    trio.agree().await;
    (0..3).for_each(|number| trio.kill(number));
    // They come as soon as there is somebody to come to, a few more than have room.
    let crowds = [1, 2].map(|number| {
        let address = trio.address(number);
        tokio::spawn(async move {
            let mut crowd = Vec::new();
            while crowd.len() < ROOM + 4 {
                match TcpStream::connect(&address).await {
                    // What is closed at once may refuse even its beginning.
                    Ok(mut client) => drop(client.write_all(BEGINNING).await.map(|()| crowd.push(client))),
                    Err(_) => tokio::time::sleep(Duration::from_millis(1)).await,
                }
            }
            crowd
        })
    });
    for number in [1, 2] {
        trio.restart(number).await;
    }
    until("there is a leader again", Duration::from_secs(10), async || {
        trio.all().any(|node| node.status().leader_id.is_some_and(|leader| leader != 1))
    })
    .await;
    set(trio.node(1), "after", "2").await;
    assert_eq!(get(trio.node(2), "before").await.as_deref(), Some("1"));
    for crowd in crowds {
        assert!(crowd.await.unwrap().len() >= ROOM, "they were there all the time");
    }
}
