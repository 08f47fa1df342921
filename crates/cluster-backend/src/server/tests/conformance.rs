//! The suites of `ClientApi` and `KvBackend` over the network client, every rule of them.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use pentad_client::{Client, ClientBuilder};
use pentad_traits::conformance::client_api::{self, ClientApiFactory};
use pentad_traits::conformance::kv_backend::{self, KvBackendFactory, OptionLimits};
use pentad_traits::conformance::{Factory, Limits, Report, Verdict};

use super::local::Manners;
use super::server::{Server, VALUE_BYTES_MAX};

/// Makes servers, and a client of each.
struct Remote {
    directory: tempfile::TempDir,
    count: AtomicU32,
    servers: Mutex<HashMap<String, Server>>,
}

impl Remote {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self { directory, count: AtomicU32::new(0), servers: Mutex::default() }
    }

    async fn start(&self, manners: Manners, builder: ClientBuilder) -> Client {
        let name = self.count.fetch_add(1, Ordering::Relaxed).to_string();
        let server = Server::start(&self.directory.path().join(name), manners).await;
        self.connect(server, builder).await
    }

    async fn connect(&self, server: Server, builder: ClientBuilder) -> Client {
        let client = builder.connect([server.address.clone()]).await.expect("the server answers");
        self.servers.lock().unwrap().insert(server.address.clone(), server);
        client
    }

    fn builder() -> ClientBuilder {
        Client::builder().kv_value_bytes_max(VALUE_BYTES_MAX)
    }
}

impl Factory for Remote {
    type Store = Client;

    async fn create(&self) -> Client {
        self.start(Manners::default(), Self::builder()).await
    }

    async fn reopen(&self, store: Client) -> Client {
        let address = store.addresses().remove(0);
        drop(store);
        let server = self.servers.lock().unwrap().remove(&address).expect("a server of ours");
        self.connect(server.restart().await, Self::builder()).await
    }

    async fn wait(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    fn limits(&self) -> Limits {
        Limits { value_bytes_max: VALUE_BYTES_MAX, ..Limits::CONTRACT }
    }
}

impl ClientApiFactory for Remote {
    fn is_local(&self) -> bool {
        false
    }

    async fn create_unanswered(&self) -> Option<Client> {
        let manners = Manners { is_silent: true, ..Manners::default() };
        Some(self.start(manners, Self::builder().deadline(Duration::from_millis(200))).await)
    }
}

impl KvBackendFactory for Remote {
    async fn create_with_option_limits(&self, limits: OptionLimits) -> Option<Client> {
        let mut builder = Self::builder();
        if let Some(bytes) = limits.value_bytes_max {
            builder = builder.kv_value_bytes_max(bytes);
        }
        if let Some(keys) = limits.keys_max {
            builder = builder.kv_keys_max(keys as u64);
        }
        Some(self.start(Manners::default(), builder).await)
    }
}

fn assert_conforms_skipping(report: &Report, skipped: &[&str]) {
    report.assert_conforms();
    let outcomes = report.outcomes().iter();
    let found: Vec<_> = outcomes
        .filter(|outcome| matches!(outcome.verdict, Verdict::Skipped(_)))
        .map(|outcome| outcome.rule)
        .collect();
    assert_eq!(found, skipped, "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f17_f19_client_api_conforms_over_the_network() {
    let skipped = ["a_local_store_is_leader_and_only_member"];
    assert_conforms_skipping(&client_api::run(&Remote::new()).await, &skipped);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f16_f17_kv_backend_conforms_over_the_network() {
    assert_conforms_skipping(&kv_backend::run(&Remote::new()).await, &[]);
}
