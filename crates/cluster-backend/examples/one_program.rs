//! One program over three stores: in a directory of this machine, on a node in this process, and on a cluster over the network.
//!
//! `story` knows nothing of where it runs: it is written against the interface alone.

use std::error::Error;
use std::time::Duration;

use pentad_client::Client;
use pentad_cluster_backend::Node;
use pentad_local_backend::LocalBackend;
use pentad_traits::{ClientApi, NodeRole, ReadConsistencyPolicy};

/// A day of a small shop.
async fn story(store: &impl ClientApi) -> Result<(), Box<dyn Error>> {
    store.put("stock:tea", "3").await?;
    store.put_with_ttl("session:ada", "cart:17", 3_600).await?;

    // A sale takes place only if nobody else sold meanwhile.
    assert!(store.compare_and_swap("stock:tea", Some("3"), "2").await?);
    assert!(!store.compare_and_swap("stock:tea", Some("3"), "1").await?, "there were two by then");

    let keys = ["stock:tea".into(), "stock:salt".into()];
    let stock = store.get_multi_with_policy(&keys, Some(ReadConsistencyPolicy::LinearizableRead)).await?;
    assert_eq!((stock[0].as_deref(), &stock[1]), (Some(&b"2"[..]), &None));

    store.delete("session:ada").await?;
    assert_eq!(store.get("session:ada").await?, None);

    let leader = store.get_leader_id().await?;
    let members = store.list_members().await?;
    let leads = members.iter().find(|member| Some(member.id) == leader);
    assert_eq!(leads.map(|member| member.role), Some(NodeRole::Leader.into()));
    println!("  {} of {} members leads", leader.unwrap_or_default(), members.len());
    Ok(())
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Box<dyn Error>> {
    println!("in a directory of this machine:");
    let local = LocalBackend::open("local.pentad")?;
    story(&local).await?;
    local.close()?;

    println!("on a node in this process, which is a cluster of one:");
    let node =
        tokio::task::spawn_blocking(|| Node::builder("node.pentad").listen("127.0.0.1:0").start()).await??;
    node.ready(Duration::from_secs(20)).await?;
    story(&node).await?;

    println!("on the same node, over the network:");
    let address = node.address().expect("it was told to listen");
    let client = Client::connect([address.to_string()]).await?;
    story(&client).await?;
    node.shutdown().await;
    Ok(())
}
