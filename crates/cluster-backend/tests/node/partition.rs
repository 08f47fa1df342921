//! What a cluster does when some of its nodes do not reach some of the others.

use std::time::{Duration, Instant};

use pentad_client::wire::{self, Consistency, reply};

use crate::links::Linked;
use crate::support::{Trio, call, get, get_at, log, put, set, until};

/// One call that does not wait for long.
async fn quickly(
    node: &pentad_cluster_backend::Node,
    kind: wire::call::Kind,
) -> Result<reply::Kind, wire::Failure> {
    match node.call(wire::Call { number: 1, timeout_ms: 1_500, kind: Some(kind) }).await.kind {
        Some(reply::Kind::Failure(failure)) => Err(failure),
        Some(kind) => Ok(kind),
        None => panic!("an answer has a kind"),
    }
}

fn get_of(key: &'static str) -> wire::call::Kind {
    let consistency = Consistency::Linearizable.into();
    wire::call::Kind::Get(wire::GetRequest { key: key.into(), consistency, ..Default::default() })
}

/// A leader and a follower that do not reach each other, or the one of them not the other: whoever reaches a majority goes on, and the
/// follower, which hears no leader, does not unseat him.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f21_a_link_of_the_leader_that_is_cut_both_ways_or_one_way_stops_nobody_else() {
    log();
    let linked = Linked::start().await;
    for (round, links) in [&[(0, 1), (1, 0)][..], &[(0, 1)]].into_iter().enumerate() {
        let term = linked.node(0).status().term;
        set(linked.node(0), "n", &format!("before {round}")).await;
        linked.agree().await;
        linked.cut(links);
        let (begun, mut last, mut longest, mut count) = (Instant::now(), Instant::now(), Duration::ZERO, 0);
        while begun.elapsed() < Duration::from_secs(5) {
            let at = linked.node(if count % 2 == 0 { 0 } else { 2 });
            if call(at, put("n", &format!("{round}-{count}"))).await.is_ok() {
                count += 1;
                longest = longest.max(last.elapsed());
                last = Instant::now();
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert!(count > 20, "{count}");
        assert!(longest < Duration::from_secs(3), "no service for {longest:?}");
        let behind = linked.node(1).store().unwrap().get("n").unwrap().unwrap();
        assert_eq!(&*behind, format!("before {round}").as_bytes(), "nothing reaches the follower");
        // The follower that is cut off answers in time: with the last value, or not at all.
        let asked = Instant::now();
        match quickly(linked.node(1), get_of("n")).await {
            Ok(reply::Kind::Get(got)) => {
                assert_eq!(
                    got.value.unwrap(),
                    format!("{round}-{}", count - 1),
                    "what was replaced is not read"
                );
            }
            Ok(other) => panic!("{other:?}"),
            Err(_) => assert!(asked.elapsed() < Duration::from_secs(3), "it answers in its time"),
        }
        for number in [0, 2] {
            let status = linked.node(number).status();
            assert_eq!((status.leader_id, status.term), (Some(1), term), "node {number}");
        }
        linked.heal();
        linked.agree().await;
        assert_eq!(get(linked.node(1), "n").await, Some(format!("{round}-{}", count - 1)));
    }
}

/// The leader alone on its side: it acknowledges nothing any more and shows nothing as new, the others go on, and after it all is one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f21_a_leader_that_reaches_nobody_commits_nothing_and_the_others_go_on() {
    log();
    let linked = Linked::start().await;
    set(linked.node(0), "n", "before").await;
    linked.cut(&[(0, 1), (1, 0), (0, 2), (2, 0)]);
    let lonely = quickly(linked.node(0), put("lonely", "1")).await.unwrap_err();
    assert!(lonely.outcome_unknown, "{lonely:?}");

    // The others elect a leader as soon as the lease of the old one is over.
    let begun = Instant::now();
    while quickly(linked.node(1), put("n", "after")).await.is_err() {
        assert!(begun.elapsed() < Duration::from_secs(10), "no service");
    }
    assert_eq!(get(linked.node(2), "n").await.as_deref(), Some("after"));
    let led = linked.node(2).status();
    assert!(matches!(led.leader_id, Some(2 | 3)), "{led:?}");

    for consistency in [Consistency::Linearizable, Consistency::Lease] {
        let read = match consistency {
            Consistency::Linearizable => quickly(linked.node(0), get_of("n")).await.map(drop),
            _ => get_at(linked.node(0), "n", consistency).await.map(drop),
        };
        assert!(read.is_err(), "{consistency:?} of one that leads nobody");
    }
    assert!(quickly(linked.node(0), put("lonely", "2")).await.is_err());
    linked.heal();
    linked.agree().await;
    for number in 0..3 {
        let node = linked.node(number);
        assert_eq!(get(node, "n").await.as_deref(), Some("after"));
        assert_eq!(node.status().leader_id, linked.node(1).status().leader_id);
    }
}

/// A leader connected to where a follower had been thousands of times a second, which took it half a processor: the pause that openraft makes
/// comes with the first request, which was not asked for before there was a connection.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f21_a_follower_that_is_gone_is_not_tried_without_a_pause() {
    log();
    let mut trio = Trio::start().await;
    trio.kill(2);
    let mut place = None;
    until("its address is free", Duration::from_secs(20), async || {
        place = tokio::net::TcpListener::bind(trio.address(2)).await.ok();
        place.is_some()
    })
    .await;
    let place = place.unwrap();
    let (mut tries, begun) = (0, Instant::now());
    let end = begun + Duration::from_secs(3);
    while let Ok(tried) = tokio::time::timeout_at(end.into(), place.accept()).await {
        drop(tried.unwrap());
        tries += 1;
        if tries % 10 == 0 {
            set(trio.node(0), "n", &tries.to_string()).await;
        }
    }
    println!("{tries} connections in 3 s");
    // Heartbeats and appends, and a little more.
    assert!(tries < 150, "{tries} connections in 3 s");
}
