//! `Client`: what a user holds.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use tokio::sync::Semaphore;

use super::builder::ClientBuilder;
use super::cluster::Cluster;
use super::directory::Directory;
use super::newest_first::NewestFirst;
use super::session::Session;
use super::watch::{Watch, WatchFilter, WatchFrom};
use crate::caller::{Caller, InterfaceLimits};
use crate::keys::Keys;
use crate::wire::{Failure, MembersResponse, NewestFirstRequest, call, reply};

/// A client of a cluster, by way of any of its nodes.
///
/// Clones share it, from any task; calls that are made at the same time travel together. It finds the leader and follows it,
/// asks again what can be asked again, and says when the outcome of a write is not known: `Network` with `ConnectionTimeout`,
/// or [`Failure::outcome_unknown`]. A write is repeated under the number that it has, so that it is applied once.
///
/// Reads through the interfaces are linearizable. Eventual ones are spread over the nodes.
///
/// Calls and connections run on the runtime of tokio that the client was made on.
#[derive(Clone, Debug)]
pub struct Client {
    pub(super) inner: Arc<Inner>,
    pub(super) deadline: Duration,
}

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) directory: Directory,
    pub(super) session: Session,
    pub(super) in_flight: Arc<Semaphore>,
    pub(super) settings: ClientBuilder,
    pub(super) is_looking: AtomicBool,
}

impl Client {
    /// A client of the cluster that the nodes at `addresses` (`host:port`) belong to, with defaults that work.
    ///
    /// # Errors
    ///
    /// As [`ClientBuilder::connect`].
    pub async fn connect(addresses: impl IntoIterator<Item = impl Into<String>>) -> Result<Self, Failure> {
        Self::builder().connect(addresses).await
    }

    /// A builder, for other deadlines and limits.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    pub(super) fn new(settings: ClientBuilder, directory: Directory) -> Result<Self, Failure> {
        let session = Session::new()?;
        let permits = usize::try_from(settings.in_flight_bytes_max).unwrap_or(usize::MAX);
        let in_flight = Arc::new(Semaphore::new(permits.min(Semaphore::MAX_PERMITS)));
        let deadline = settings.deadline;
        let is_looking = AtomicBool::new(false);
        Ok(Self { inner: Arc::new(Inner { directory, session, in_flight, settings, is_looking }), deadline })
    }

    /// The same client with another deadline for its calls.
    #[must_use]
    pub fn within(&self, deadline: Duration) -> Self {
        Self { inner: Arc::clone(&self.inner), deadline }
    }

    /// What the interfaces have no words for: transactions, pages, reads of the past, descriptions.
    pub fn keys(&self) -> Keys<&Self> {
        Keys::new(self)
    }

    /// Members, leadership, state of the nodes.
    pub fn cluster(&self) -> Cluster<'_> {
        Cluster::new(self)
    }

    /// The changes of the keys that `filter` lets through: whole commits, each once, in order.
    ///
    /// It outlives connections and nodes: it is taken up where it was at another one.
    pub fn watch(&self, filter: WatchFilter, from: WatchFrom) -> Watch {
        Watch::new(self.clone(), String::new(), filter, from)
    }

    /// The same of the keys of a namespace, which must be there.
    pub fn watch_in_namespace(&self, name: &str, filter: WatchFilter, from: WatchFrom) -> Watch {
        Watch::new(self.clone(), name.to_owned(), filter, from)
    }

    /// Every entry of a namespace, or for an empty name of the store's own keyspace, the one written last first; see [`NewestFirst`].
    ///
    /// # Errors
    ///
    /// What a node refuses, or that none answers within the client's deadline.
    pub async fn newest_first(&self, request: NewestFirstRequest) -> Result<NewestFirst, Failure> {
        NewestFirst::open(self, request).await
    }

    /// The addresses of the nodes that are known by now.
    pub fn addresses(&self) -> Vec<String> {
        self.inner.directory.links().iter().map(|link| link.address().to_owned()).collect()
    }
}

impl Caller for Client {
    async fn call(&self, kind: call::Kind) -> Result<reply::Kind, Failure> {
        self.see_through(kind).await
    }

    async fn members(&self) -> Result<MembersResponse, Failure> {
        self.ask_for_members().await
    }

    fn limits(&self) -> InterfaceLimits {
        self.inner.settings.limits
    }
}

crate::client_api_over_caller!(Client);
crate::kv_backend_over_caller!(Client);
