//! The process of one node. It says where it listens, and carries out what it is told, a load for each line, until nobody is
//! there to tell it more.

use std::io::BufRead;
use std::sync::Arc;
use std::time::Duration;

use pentad_client::ClientApi;
use pentad_cluster_backend::Node;

use super::load::{self, Load, Loaded, failed};
use crate::arguments::NodeArguments;
use crate::error::{Error, Result};

/// How long a node may take until it belongs to a cluster that has a leader.
const READY_MAX: Duration = Duration::from_secs(30);

pub(crate) fn perform(arguments: &NodeArguments) -> Result<()> {
    let mut builder = Node::builder(&arguments.directory).listen("127.0.0.1:0");
    if let Some(address) = &arguments.join {
        builder = builder.join(address);
    }
    let node = builder.start().map_err(failed("start a node"))?;
    let runtime = runtime()?;
    runtime.block_on(node.ready(READY_MAX)).map_err(failed("wait for a leader"))?;
    println!("{}", node.address().ok_or_else(|| failed("listen")("the node has no address"))?);
    for line in std::io::stdin().lock().lines() {
        let line = line.map_err(failed("read what to do"))?;
        let load: Load = serde_json::from_str(&line).map_err(json(&line))?;
        let loaded = runtime.block_on(embedded(&node, load))?;
        println!("{}", serde_json::to_string(&loaded).map_err(json("a result"))?);
    }
    runtime.block_on(node.shutdown());
    Ok(())
}

/// Loads the node from within its process. It has to lead from beginning to end: elsewhere these would be other figures.
async fn embedded(node: &Node, load: Load) -> Result<Loaded> {
    let (asked, value) = (Arc::new(node.clone()), load::value());
    let ask = move |key| {
        let (node, value) = (Arc::clone(&asked), value.clone());
        async move { load::ask(&*node, load.operation, key, &value).await }
    };
    let loaded = load::drive(load, ask).await?;
    let (leader, me) = (node.get_leader_id().await, node.status());
    let (leader, me) = (leader.map_err(failed("ask who leads"))?, me.node.map(|node| node.node_id));
    if leader != me || me.is_none() {
        return Err(Error::WrongAnswer("the lead has moved away from the node that was measured".to_owned()));
    }
    Ok(loaded)
}

pub(super) fn runtime() -> Result<tokio::runtime::Runtime> {
    let made = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    made.map_err(|error| Error::System { what: "threads", reason: error.to_string() })
}

pub(super) fn json(what: &str) -> impl FnOnce(serde_json::Error) -> Error {
    let what = what.to_owned();
    move |source| Error::Json { what, source }
}
