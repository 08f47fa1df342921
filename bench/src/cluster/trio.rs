//! Three nodes of Pentad in three processes. The first one leads, and can be loaded from within.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pentad_client::{Client, ClientApi, NodeRole};

use super::load::{self, Load, Loaded, Operation, failed};
use super::node::json;
use super::program::Program;
use crate::error::{Error, Result};

/// How long all three may take until they vote.
const TOGETHER_MAX: Duration = Duration::from_secs(30);

pub(super) struct Trio {
    nodes: Vec<Program>,
    client: Client,
}

impl Trio {
    /// Starts three nodes in `directory`, waits until all vote, and writes every key once.
    pub(super) async fn start(directory: &Path) -> Result<Self> {
        let (mut nodes, mut addresses) = (Vec::new(), Vec::<String>::new());
        for number in 1..=3 {
            let place = directory.join(format!("node-{number}"));
            let place = place.to_str().ok_or_else(|| failed("start")("the directory is not UTF-8"))?;
            let mut arguments = vec!["cluster-node", "--directory", place];
            if let Some(first) = addresses.first() {
                arguments.extend(["--join", first]);
            }
            let mut node = Program::again(&arguments)?;
            addresses.push(node.hear()?);
            nodes.push(node);
        }
        let client = Client::connect(addresses).await.map_err(failed("connect"))?;
        let until = Instant::now() + TOGETHER_MAX;
        loop {
            let members = client.list_members().await.map_err(failed("list the members"))?;
            let votes = |role: i32| role != i32::from(NodeRole::Learner);
            if members.len() == 3 && members.iter().all(|member| votes(member.role)) {
                break;
            }
            if Instant::now() > until {
                return Err(failed("make a cluster")("not all nodes voted in time"));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let trio = Self { nodes, client };
        load::fill(trio.asking(Operation::Put)).await?;
        Ok(trio)
    }

    fn asking(
        &self,
        operation: Operation,
    ) -> impl Fn([u8; 8]) -> std::pin::Pin<Box<dyn Future<Output = Result<()>> + Send>> + Clone + Send + 'static
    {
        let (client, value) = (Arc::new(self.client.clone()), load::value());
        move |key| {
            let (client, value) = (Arc::clone(&client), value.clone());
            Box::pin(async move { load::ask(&*client, operation, key, &value).await })
        }
    }

    /// The load over the network, from this process.
    pub(super) async fn over_the_wire(&self, load: Load) -> Result<Loaded> {
        load::drive(load, self.asking(load.operation)).await
    }

    /// The load in the process of the leader.
    pub(super) fn embedded(&mut self, load: Load) -> Result<Loaded> {
        let leader = &mut self.nodes[0];
        leader.tell(&serde_json::to_string(&load).map_err(json("a load"))?)?;
        let line = leader.hear()?;
        serde_json::from_str(&line).map_err(json(&line))
    }

    /// The processor time of the three.
    pub(super) fn processor_time(&self) -> Result<Duration> {
        self.nodes.iter().map(Program::processor_time).sum()
    }

    /// Fails when the cluster is not what it was in the beginning.
    pub(super) async fn finish(self) -> Result<()> {
        let members = self.client.list_members().await.map_err(failed("list the members"))?;
        if members.len() == 3 { Ok(()) } else { Err(Error::WrongAnswer("a member is missing".to_owned())) }
    }
}
