//! The network client, of nodes that are reached over the loopback interface.

use std::sync::Mutex;
use std::time::Duration;

use pentad_client::{Client, ClientBuilder};
use pentad_cluster_backend::Node;
use pentad_traits::conformance::client_api::{self, ClientApiFactory};
use pentad_traits::conformance::kv_backend::{self, KvBackendFactory, OptionLimits};
use pentad_traits::conformance::{Factory, Limits};

use super::assert_conforms_skipping;
use super::nodes::{LATE_MAX, LIMITS, Nodes};

/// Makes nodes, and a client of each.
struct Clients {
    nodes: Nodes,
    running: Mutex<Vec<Node>>,
}

impl Clients {
    fn new() -> Self {
        Self { nodes: Nodes::new(), running: Mutex::default() }
    }

    async fn start(&self, builder: ClientBuilder) -> Client {
        let node = self.nodes.start().await;
        self.connect(node, builder).await
    }

    async fn connect(&self, node: Node, builder: ClientBuilder) -> Client {
        let client = builder.connect([Nodes::address(&node)]).await.expect("the node answers");
        self.running.lock().unwrap().push(node);
        client
    }
}

impl Factory for Clients {
    type Store = Client;

    async fn create(&self) -> Client {
        self.start(Client::builder()).await
    }

    async fn reopen(&self, store: Client) -> Client {
        let address = store.addresses().remove(0);
        drop(store);
        let node = {
            let mut running = self.running.lock().unwrap();
            let place = running.iter().position(|node| Nodes::address(node) == address).expect("it runs");
            running.remove(place)
        };
        let node = self.nodes.restart(node).await;
        self.connect(node, Client::builder()).await
    }

    async fn wait(&self, duration: Duration) {
        tokio::time::sleep(duration + LATE_MAX).await;
    }

    fn limits(&self) -> Limits {
        LIMITS
    }
}

impl ClientApiFactory for Clients {
    fn is_local(&self) -> bool {
        false
    }

    async fn create_unanswered(&self) -> Option<Client> {
        // A node that never answers is in the tests of the services, in the crate.
        None
    }
}

impl KvBackendFactory for Clients {
    async fn create_with_option_limits(&self, limits: OptionLimits) -> Option<Client> {
        let mut builder = Client::builder();
        if let Some(bytes) = limits.value_bytes_max {
            builder = builder.kv_value_bytes_max(bytes);
        }
        if let Some(keys) = limits.keys_max {
            builder = builder.kv_keys_max(keys as u64);
        }
        Some(self.start(builder).await)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f17_f19_client_api_conforms_over_the_network() {
    let skipped = ["a_local_store_is_leader_and_only_member", "an_unknown_outcome_is_a_connection_timeout"];
    assert_conforms_skipping(&client_api::run(&Clients::new()).await, &skipped);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f16_f17_f18_kv_backend_conforms_over_the_network() {
    assert_conforms_skipping(&kv_backend::run(&Clients::new()).await, &[]);
}
