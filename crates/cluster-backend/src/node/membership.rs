//! How a node gets into a cluster: it begins one, joins one, or is invited.
//!
//! Invariants: the identity says where the node belongs before its log does. A node that belongs somewhere never begins, joins or
//! is invited anywhere else; asked the same again, it answers the same again. A node that was about to begin a cluster with others
//! when it was stopped goes on with the same ones, and never begins one alone: the others may be members of that cluster already.

use std::sync::Arc;
use std::time::Duration;

use pentad_client::wire;

use super::identity::{Identity, Stage};
use super::shared::Shared;
use crate::error::{Error, ErrorKind, Result};
use crate::peers;
use crate::raft::Group;
use crate::random;

/// How long another node may take to say who it is.
const GREETING_MAX: Duration = Duration::from_secs(5);
/// How often a cluster is asked again to be let in.
const ASK_AGAIN: Duration = Duration::from_millis(500);

/// Versions of the protocol between nodes that this program speaks.
pub(crate) const VERSIONS: [u32; 1] = [1];

impl Shared {
    /// Begins a cluster of this node alone, or finishes doing so.
    pub(super) async fn found(self: &Arc<Self>) -> Result<()> {
        let _entering = self.entering.lock().await;
        let me = self.me.change(|me| {
            if me.stage == Stage::Waiting {
                me.cluster_id = random::id()?.to_vec().into();
                (me.node_id, me.stage) = (1, Stage::Founding);
            }
            Ok(())
        })?;
        let group = self.start_group().await?;
        if !group.is_used().await? {
            group.initialize(vec![me.as_member(true)]).await?;
            tracing::info!(node = me.node_id, "a new cluster of one node begins");
        }
        self.become_member()
    }

    /// Notes that the log must be there from now on.
    pub(super) fn become_member(&self) -> Result<()> {
        self.me.change(|me| {
            me.stage = Stage::Member;
            me.founders.clear();
            Ok(())
        })?;
        Ok(())
    }

    /// Asks the cluster behind `addresses` to be let in, until it answers.
    ///
    /// # Errors
    ///
    /// What the cluster refuses it for. While no node answers, it is asked again.
    pub(super) async fn join(self: &Arc<Self>, addresses: &[String], becomes_voter: bool) -> Result<()> {
        let mut told = false;
        loop {
            let mut why = None;
            for address in addresses {
                match self.ask_to_join(address, becomes_voter).await {
                    Ok(answer) => return self.enter(&answer.cluster_id, answer.node_id).await,
                    Err(error) if is_final(&error) => return Err(error),
                    Err(error) => why = Some(error),
                }
            }
            if let Some(why) = why.filter(|_| !told) {
                tracing::warn!(%why, ?addresses, "cannot join yet; the cluster is asked again");
                told = true;
            }
            tokio::time::sleep(ASK_AGAIN).await;
        }
    }

    async fn ask_to_join(&self, address: &str, becomes_voter: bool) -> Result<wire::JoinResponse> {
        let mut client = peers::cluster_client(self.channel(address)?);
        let request = wire::JoinRequest { node: Some(self.me.now().to_wire()), becomes_voter };
        let answer = tokio::time::timeout(GREETING_MAX * 2, client.join(request)).await;
        let answer =
            answer.map_err(|_| Error::new(ErrorKind::Unavailable, format!("{address} gave no answer")))?;
        answer.map(tonic::Response::into_inner).map_err(|status| crate::server::error_of(&status))
    }

    /// Takes the id that a cluster has given, and takes part in it.
    pub(crate) async fn enter(self: &Arc<Self>, cluster_id: &[u8], node_id: u32) -> Result<()> {
        let _entering = self.entering.lock().await;
        if node_id == 0 || cluster_id.len() != 16 {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                "a cluster and the id of a node in it must be named",
            ));
        }
        let mut is_new = false;
        let me = self.me.change(|me| {
            if me.stage == Stage::Waiting {
                me.cluster_id = cluster_id.to_vec().into();
                (me.node_id, me.stage, is_new) = (node_id, Stage::Joined, true);
                return Ok(());
            }
            if me.cluster_id != cluster_id || me.node_id != node_id {
                return Err(belongs_elsewhere(me));
            }
            Ok(())
        })?;
        if self.group.borrow().is_none() {
            self.start_group().await?;
        }
        if is_new {
            tracing::info!(node = me.node_id, "the node is let into the cluster");
        }
        Ok(())
    }

    /// Goes on with the cluster of several that this node was about to begin when it was stopped, until all of them answer.
    ///
    /// # Errors
    ///
    /// What one of them refuses it for, and that this node is not where it was.
    pub(super) async fn go_on_founding(self: &Arc<Self>) -> Result<()> {
        let me = self.me.now();
        if !me.founders.contains(&me.address) {
            let text = format!(
                "this node began a cluster of {}, and listens on none of these addresses but on {}: listen where it was, or begin \
                 anew with empty directories",
                me.founders.join(", "),
                me.address
            );
            return Err(Error::new(ErrorKind::Mismatch, text));
        }
        tracing::info!(founders = ?me.founders, "the node goes on with the cluster that it was about to begin");
        let mut told = false;
        loop {
            match self.bootstrap(&me.founders).await {
                Err(error) if !is_final(&error) => {
                    if !told {
                        tracing::warn!(why = %error, "cannot begin the cluster yet; the others are asked again");
                        told = true;
                    }
                }
                begun => return begun,
            }
            tokio::time::sleep(ASK_AGAIN).await;
        }
    }

    /// Begins a cluster of this node and the others at `addresses`, none of which belongs to one yet. Asked again after a failure,
    /// with the same addresses, it goes on; so does the node by itself when it is started again.
    pub(crate) async fn bootstrap(self: &Arc<Self>, addresses: &[String]) -> Result<()> {
        let _entering = self.entering.lock().await;
        let me = self.me.now();
        let Some(own) = addresses.iter().position(|address| *address == me.address) else {
            let text = format!("the addresses must name the node that is asked, {}", me.address);
            return Err(Error::new(ErrorKind::InvalidInput, text));
        };
        let mut sorted: Vec<&String> = addresses.iter().collect();
        sorted.sort();
        sorted.dedup();
        if sorted.len() != addresses.len() {
            return Err(Error::new(ErrorKind::InvalidInput, "an address is named twice"));
        }
        if me.stage == Stage::Founding && me.founders == addresses {
            // It may have come to an end, but for the note of it.
            let group = self.own_group().await?;
            if group.is_used().await? {
                return self.become_member();
            }
        }
        let id = |place: usize| u32::try_from(place + 1).unwrap_or(u32::MAX);
        // The id of the cluster comes first, so that a second attempt means the same cluster.
        let me = self.me.change(|me| match me.stage {
            Stage::Waiting => {
                me.cluster_id = random::id()?.to_vec().into();
                (me.node_id, me.stage) = (id(own), Stage::Founding);
                me.founders = addresses.to_vec();
                Ok(())
            }
            Stage::Founding if me.founders == addresses => Ok(()),
            Stage::Founding if !me.founders.is_empty() => {
                let text = format!(
                    "this node is about to begin a cluster of {}, in this order; say the same, or begin anew with empty directories",
                    me.founders.join(", ")
                );
                Err(Error::new(ErrorKind::Mismatch, text))
            }
            _ => Err(belongs_elsewhere(me)),
        })?;
        let mut members = vec![me.as_member(true)];
        for (place, address) in addresses.iter().enumerate().filter(|(place, _)| *place != own) {
            let node = self.invite(address, id(place), true).await?;
            members.push(wire::MemberInfo {
                id: id(place),
                address: node.address,
                store_id: node.store_id,
                incarnation: node.incarnation,
                becomes_voter: true,
            });
        }
        let group = self.own_group().await?;
        if !group.is_used().await? {
            group.initialize(members).await?;
        }
        self.become_member()
    }

    /// The Raft group, which is started if it was not.
    async fn own_group(&self) -> Result<Group> {
        match self.group() {
            Ok(group) => Ok(group),
            Err(_) => self.start_group().await,
        }
    }

    /// Asks the node at `address` to be the member `id` of this cluster; returns who it is.
    pub(super) async fn invite(
        &self,
        address: &str,
        id: u32,
        becomes_voter: bool,
    ) -> Result<wire::NodeIdentity> {
        let mut client = peers::client(self.channel(address)?);
        let request = wire::InviteRequest { header: Some(self.me.header(0)), node_id: id, becomes_voter };
        let answer = tokio::time::timeout(GREETING_MAX, client.invite(request)).await;
        let unavailable = |why: &str| {
            Error::new(ErrorKind::Unavailable, format!("the node at {address} does not answer: {why}"))
        };
        let answer = answer.map_err(|_| unavailable("no answer in time"))?;
        let answer = answer.map_err(|status| unavailable(status.message()))?.into_inner();
        if let Some(failure) = answer.failure {
            return Err(failure.into());
        }
        let node = answer.node.ok_or_else(|| unavailable("it does not say who it is"))?;
        if node.address != address {
            let text = format!(
                "the node at {address} says that others reach it at {}; name that address",
                node.address
            );
            return Err(Error::new(ErrorKind::Mismatch, text));
        }
        Ok(node)
    }

    /// Who the node at `address` is.
    pub(super) async fn greet(&self, address: &str) -> Result<wire::NodeIdentity> {
        let mut client = peers::client(self.channel(address)?);
        let greeting = wire::Greeting {
            versions: VERSIONS.to_vec(),
            node: Some(self.me.now().to_wire()),
            expected_node_id: 0,
        };
        let answer = tokio::time::timeout(GREETING_MAX, client.greet(greeting)).await;
        let unavailable = |why: &str| {
            Error::new(ErrorKind::Unavailable, format!("the node at {address} does not answer: {why}"))
        };
        let answer = answer.map_err(|_| unavailable("no answer in time"))?;
        let answer = answer.map_err(|status| unavailable(status.message()))?.into_inner();
        answer.node.ok_or_else(|| unavailable("it does not say who it is"))
    }
}

/// Whether asking again cannot help.
fn is_final(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Mismatch | ErrorKind::InvalidInput | ErrorKind::Damaged | ErrorKind::Refused
    )
}

fn belongs_elsewhere(me: &Identity) -> Error {
    let text = format!(
        "the node at {} is node {} of a cluster already; an empty directory can be added to another one",
        me.address, me.node_id
    );
    Error::new(ErrorKind::Mismatch, text)
}
