//! What three processes must survive.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use pentad_client::{Client, ClientApi as _};

use crate::processes::{Processes, pentad_at, until};
use crate::replica;

/// Writes as fast as one client can until told to stop; returns how many were acknowledged and the longest time without one.
fn writer(endpoints: &str, stop: &Arc<AtomicBool>) -> std::thread::JoinHandle<(u64, Duration)> {
    let (endpoints, stop) = (endpoints.to_owned(), Arc::clone(stop));
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let client = Client::connect(endpoints.split(',')).await.unwrap();
            let (mut acknowledged, mut longest, mut last) = (0, Duration::ZERO, Instant::now());
            while !stop.load(Ordering::Relaxed) {
                if client.put(format!("w{acknowledged}"), "x").await.is_ok() {
                    acknowledged += 1;
                    longest = longest.max(last.elapsed());
                    last = Instant::now();
                }
            }
            (acknowledged, longest)
        })
    })
}

/// Waits until every node has applied the same, and says that all of `0..count` are on each of them.
fn check(processes: &Processes, count: u64) {
    until("all have applied the same", || {
        let members = processes.members();
        members.len() == processes.nodes.len()
            && members
                .iter()
                .all(|member| member["applied"].is_u64() && member["applied"] == members[0]["applied"])
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut first = None;
    for node in &processes.nodes {
        let held = runtime.block_on(replica::contents(&node.address));
        let held = held.unwrap_or_else(|| panic!("{} does not answer", node.address));
        let (_, rows) = first.get_or_insert_with(|| held.clone());
        assert!(*rows == held.1, "{} holds other rows than the first node", node.address);
        let keys: HashSet<_> = rows.iter().map(|row| &row.key[..]).collect();
        for number in 0..count {
            let key = format!("w{number}");
            assert!(keys.contains(key.as_bytes()), "{key} is lost on {}", node.address);
        }
    }
}

#[test]
fn f20_f21_kill_9_of_the_leader_under_load_loses_nothing_that_was_acknowledged() {
    let mut processes = Processes::three();
    let stop = Arc::new(AtomicBool::new(false));
    let writing = writer(&processes.endpoints(), &stop);
    for _ in 0..2 {
        std::thread::sleep(Duration::from_secs(2));
        let leader = processes.leader();
        processes.nodes[leader].kill();
        std::thread::sleep(Duration::from_secs(5));
        processes.nodes[leader].start(&[]);
    }
    std::thread::sleep(Duration::from_secs(2));
    stop.store(true, Ordering::Relaxed);
    let (acknowledged, longest) = writing.join().unwrap();
    println!("{acknowledged} writes acknowledged, at most {longest:?} without one");
    assert!(acknowledged > 100);
    assert!(longest < Duration::from_secs(6), "no service for {longest:?}");
    check(&processes, acknowledged);
}

#[test]
fn a_rolling_restart_loses_nothing_and_the_lead_is_passed_on() {
    let mut processes = Processes::three();
    let stop = Arc::new(AtomicBool::new(false));
    let writing = writer(&processes.endpoints(), &stop);
    for number in 0..3 {
        processes.nodes[number].end();
        std::thread::sleep(Duration::from_millis(500));
        processes.nodes[number].start(&[]);
        until("it is back", || processes.members().iter().all(|member| member["reachable"] == true));
    }
    stop.store(true, Ordering::Relaxed);
    let (acknowledged, longest) = writing.join().unwrap();
    println!("{acknowledged} writes acknowledged, at most {longest:?} without one");
    check(&processes, acknowledged);
}

#[test]
fn f25_a_leader_that_is_told_to_end_hands_over_first() {
    let mut processes = Processes::three();
    for _ in 0..2 {
        let leader = processes.leader();
        processes.nodes[leader].end();
        let log = processes.nodes[leader].log();
        assert!(log.contains("another node leads now"), "{log}");
        assert_ne!(processes.leader(), leader);
        processes.nodes[leader].start(&[]);
        until("it is back", || processes.members().iter().all(|member| member["reachable"] == true));
    }
}

#[test]
fn one_grows_to_three_and_shrinks_while_a_writer_runs() {
    let mut processes = Processes::new();
    processes.add(&[]);
    let first = processes.nodes[0].address.clone();
    let stop = Arc::new(AtomicBool::new(false));
    let writing = writer(&first, &stop);
    std::thread::sleep(Duration::from_secs(1));
    processes.add(&["--join", &first]);
    processes.add(&["--join", &first]);
    until("all three vote", || {
        processes.members().iter().filter(|member| member["status"] == "active").count() == 3
    });
    std::thread::sleep(Duration::from_secs(1));
    for id in ["3", "2"] {
        let removed = processes.pentad(&["cluster", "remove", id]);
        assert!(removed.status.success(), "{}", String::from_utf8_lossy(&removed.stderr));
        processes.nodes.pop();
    }
    std::thread::sleep(Duration::from_secs(1));
    stop.store(true, Ordering::Relaxed);
    let (acknowledged, _) = writing.join().unwrap();
    assert!(acknowledged > 50);
    check(&processes, acknowledged);
}

#[test]
fn f22_a_fourth_node_joins_by_snapshot_under_load() {
    let kept = ["--log-entries-kept", "5"];
    let mut processes = Processes::new();
    processes.add(&kept);
    let first = processes.nodes[0].address.clone();
    processes.add(&[&["--join", &first], &kept[..]].concat());
    processes.add(&[&["--join", &first], &kept[..]].concat());
    let active = |processes: &Processes, count| {
        processes.members().iter().filter(|member| member["status"] == "active").count() == count
    };
    until("all three vote", || active(&processes, 3));
    let stop = Arc::new(AtomicBool::new(false));
    let writing = writer(&processes.endpoints(), &stop);
    let status = |address: &str| -> serde_json::Value {
        let output = pentad_at(address, &["--json", "cluster", "status"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    // The log of every node that may lead is given up beyond where the cluster began, so that nobody can be brought up by it.
    until("all have given up the beginning of their logs", || {
        processes.nodes.iter().all(|node| {
            pentad_at(&node.address, &["cluster", "snapshot"]);
            status(&node.address)["purged"].as_u64() > Some(50)
        })
    });
    processes.add(&[&["--join", &first], &kept[..]].concat());
    until("the fourth votes", || active(&processes, 4));
    std::thread::sleep(Duration::from_secs(1));
    stop.store(true, Ordering::Relaxed);
    let (acknowledged, longest) = writing.join().unwrap();
    println!("{acknowledged} writes acknowledged, at most {longest:?} without one");
    assert!(acknowledged > 50);
    assert!(longest < Duration::from_secs(3), "no service for {longest:?}");
    check(&processes, acknowledged);
    let installed = |node: usize| status(&processes.nodes[node].address)["snapshots_installed"].as_u64();
    assert!(installed(3) >= Some(1), "{}", processes.nodes[3].log());
    assert!(processes.nodes[3].log().contains("a snapshot was installed"));
    assert_eq!([0, 1, 2].map(installed), [Some(0); 3], "those that were there need none");
}

#[test]
fn every_address_answers_every_verb_of_entries() {
    let processes = Processes::three();
    let said = |output: std::process::Output| {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    for node in &processes.nodes {
        said(pentad_at(&node.address, &["put", &format!("from {}", node.address), "v"]));
        said(pentad_at(&node.address, &["incr", "n"]));
        said(pentad_at(&node.address, &["incr", "n", "--namespace", "shared"]));
    }
    for node in &processes.nodes {
        assert_eq!(said(pentad_at(&node.address, &["get", "n"])).trim(), "3");
        assert_eq!(said(pentad_at(&node.address, &["scan", "--prefix", "from "])).lines().count(), 3);
        assert_eq!(said(pentad_at(&node.address, &["get", "n", "--namespace", "shared"])).trim(), "3");
        assert_eq!(said(pentad_at(&node.address, &["namespaces"])), "shared\n");
        let newest = said(pentad_at(&node.address, &["scan", "--newest-first", "--keys"]));
        assert_eq!(newest.lines().next(), Some("n"), "{newest}");
    }
    let to = (processes.leader() + 1) % 3;
    let id = processes
        .members()
        .iter()
        .find(|member| member["address"] == processes.nodes[to].address.as_str())
        .unwrap()["id"]
        .to_string();
    said(processes.pentad(&["cluster", "transfer", &id]));
    assert_eq!(processes.leader(), to);
    assert!(said(processes.pentad(&["cluster", "snapshot"])).contains("snapshot is of entry"));
    assert!(said(processes.pentad(&["cluster", "status"])).contains("committed"));
}

#[test]
fn f23_a_cleartext_listener_beyond_this_machine_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    for arguments in [&["--listen", "127.0.0.1:0"][..], &["--listen", "0.0.0.0:0", "--insecure"]] {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_pentad"));
        let output =
            command.arg("serve").arg("--store").arg(dir.path().join("n")).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(!dir.path().join("n").exists());
    }
}
