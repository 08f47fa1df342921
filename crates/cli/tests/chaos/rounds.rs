//! Rounds of faults under load, and what must hold when they are over.

use std::time::{Duration, Instant};

use pentad_client::Client;
use pentad_traits::ClientApi as _;

use crate::clients::{self, Load};
use crate::cluster::Cluster;
use crate::history::Action;
use crate::linearizable::is_linearizable;
use crate::random::Random;
use crate::replica;
use crate::settings;

const NODES: usize = 3;
const CLIENTS: u64 = 6;
/// How long a cluster that can work again may take until it does. Far more than it should, because a slow machine is no defect.
const PATIENCE: Duration = Duration::from_secs(60);

/// What befalls a cluster in one round.
#[derive(Clone, Copy, Debug)]
enum Fault {
    KillLeader,
    KillFollower,
    /// No majority is left for a while.
    KillTwo,
    /// To the others it is as if it were cut off, and when it goes on it thinks that it leads.
    PauseLeader,
    PauseFollower,
    /// SIGTERM and a new start, one node after the other.
    RollingRestart,
}

const FAULTS: [Fault; 6] = [
    Fault::KillLeader,
    Fault::PauseLeader,
    Fault::KillFollower,
    Fault::RollingRestart,
    Fault::KillTwo,
    Fault::PauseFollower,
];

/// Does it, waits a while, and makes up for it.
async fn strike(cluster: &mut Cluster, fault: Fault, random: &mut Random) {
    let leader = cluster.leader().unwrap_or(0);
    let follower = (leader + 1 + random.below_usize(NODES - 1)) % NODES;
    match fault {
        Fault::KillLeader => cluster.kill(leader),
        Fault::KillFollower => cluster.kill(follower),
        Fault::KillTwo => {
            cluster.kill(leader);
            cluster.kill(follower);
        }
        Fault::PauseLeader => cluster.pause(leader),
        Fault::PauseFollower => cluster.pause(follower),
        Fault::RollingRestart => {
            for node in 0..NODES {
                cluster.end(node);
                cluster.run(node);
                tokio::time::sleep(Duration::from_millis(1_500)).await;
            }
        }
    }
    tokio::time::sleep(Duration::from_millis(500 + random.below(3_500))).await;
    cluster.heal();
}

/// Waits until the cluster takes writes; how long that took.
async fn wait_for_service(cluster: &Cluster) -> Duration {
    let began = Instant::now();
    let client = Client::connect(cluster.addresses().to_vec()).await.unwrap();
    while let Err(error) = client.put("probe", "1").await {
        assert!(began.elapsed() < PATIENCE, "no service: {error}\n{}", cluster.logs());
    }
    began.elapsed()
}

/// Every node by itself, until all of them hold the same.
async fn wait_for_agreement(cluster: &Cluster) {
    let began = Instant::now();
    loop {
        let mut states = Vec::new();
        for address in cluster.addresses() {
            states.push(replica::contents(address).await);
        }
        if states.iter().all(|state| *state == states[0] && state.is_some()) {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "the nodes differ: {states:?}\n{}", cluster.logs());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f20_f21_f19_what_clients_are_told_amid_kills_and_pauses_is_linearizable_and_all_nodes_end_alike() {
    let (seed, mut random) = settings::random();
    let rounds = settings::rounds(6);
    let mut cluster = Cluster::start(NODES);
    let load = Load::start(CLIENTS, cluster.addresses(), &mut random);
    for round in 0..rounds {
        // Each kind once, in turn, before chance decides.
        let fault = match FAULTS.get(usize::try_from(round).unwrap()) {
            Some(fault) => *fault,
            None => FAULTS[random.below_usize(FAULTS.len())],
        };
        strike(&mut cluster, fault, &mut random).await;
        let took = wait_for_service(&cluster).await;
        println!("round {round}: {fault:?}, service {took:.1?} after the end of it");
    }
    let (history, answered) = load.end().await;
    wait_for_agreement(&cluster).await;

    let client = Client::connect(cluster.addresses().to_vec()).await.unwrap();
    for key in clients::keys() {
        let invoked = history.now_ns();
        let value = client.get_linearizable(&key).await.unwrap();
        let value = value.map(|value| std::str::from_utf8(&value).unwrap().parse().unwrap());
        history.returned(&key, invoked, Action::Get(value));
    }
    let keys = history.into_keys();
    let open = keys.values().flatten().filter(|operation| operation.returned_ns.is_none()).count();
    println!("{answered} calls answered, {open} of unknown outcome, {} keys", keys.len());
    for (key, operations) in &keys {
        assert!(
            is_linearizable(operations),
            "seed {seed}: the history of {key} is not linearizable: {operations:?}\n{}",
            cluster.logs()
        );
    }
    // A cluster that answers nothing would pass on anything.
    assert!(answered > 100 * rounds, "only {answered} calls were answered in {rounds} rounds");
}
