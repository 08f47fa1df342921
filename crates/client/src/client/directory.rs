//! The nodes that a client knows, and which of them leads.
//!
//! Invariant: it is a guess that makes the way shorter, never the truth: every node answers every call, by passing it on if need be.
//! Nodes that the caller named stay known whatever the cluster says of its members.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use bytes::Bytes;

use super::link::Link;
use crate::wire::{Failure, LeaderHint, MembersResponse};

/// The nodes.
#[derive(Debug)]
pub(super) struct Directory {
    state: RwLock<State>,
    /// How many of the links the caller named; they are the first.
    named: usize,
    /// Whose turn it is among equals.
    turn: AtomicUsize,
}

#[derive(Debug)]
struct State {
    links: Vec<Arc<Link>>,
    leader: Option<Arc<Link>>,
    cluster_id: Bytes,
}

impl Directory {
    /// The nodes at `addresses`.
    pub(super) fn new(addresses: &[String]) -> Result<Self, Failure> {
        let mut links: Vec<Arc<Link>> = Vec::new();
        for address in addresses {
            if links.iter().all(|link| link.address() != address) {
                links.push(Arc::new(Link::new(address)?));
            }
        }
        if links.is_empty() {
            return Err(Failure::invalid("a client needs the address of at least one node"));
        }
        let named = links.len();
        let mut first = [0];
        // Clients that are started together would all begin with the first node.
        let _in_step = getrandom::fill(&mut first);
        let turn = AtomicUsize::new(usize::from(first[0]));
        let state = State { links, leader: None, cluster_id: Bytes::new() };
        Ok(Self { state: RwLock::new(state), named, turn })
    }

    /// All nodes that are known.
    pub(super) fn links(&self) -> Vec<Arc<Link>> {
        self.read().links.clone()
    }

    /// The cluster that the nodes are of; empty when it is not known.
    pub(super) fn cluster_id(&self) -> Bytes {
        self.read().cluster_id.clone()
    }

    /// The leader, or whoever is next when it is not known or failed a moment ago.
    pub(super) fn leader_or_next(&self) -> Arc<Link> {
        let leader = self.read().leader.clone();
        leader.filter(|leader| !leader.is_resting()).unwrap_or_else(|| self.next())
    }

    /// The nodes in turn, those that failed a moment ago left out unless all did.
    pub(super) fn next(&self) -> Arc<Link> {
        let state = self.read();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let count = state.links.len();
        let mut in_turn = (0..count).map(|step| &state.links[turn.wrapping_add(step) % count]);
        let ready = in_turn.clone().find(|link| !link.is_resting());
        let link = ready.or_else(|| in_turn.next()).expect("there is a node at least");
        Arc::clone(link)
    }

    /// Takes in who leads. Whether that is news.
    pub(super) fn learn_leader(&self, hint: Option<&LeaderHint>) -> bool {
        let mut state = self.write();
        let known = state.leader.as_ref().map(|leader| leader.address().to_owned());
        let Some(hint) = hint.filter(|hint| !hint.address.is_empty()) else {
            state.leader = None;
            return false;
        };
        if known.as_deref() == Some(&hint.address) {
            return false;
        }
        state.leader = state.link_to(&hint.address);
        state.leader.is_some()
    }

    /// Takes in who belongs to the cluster.
    pub(super) fn learn_members(&self, members: &MembersResponse) {
        let mut state = self.write();
        if !members.cluster_id.is_empty() {
            state.cluster_id = members.cluster_id.clone();
        }
        for member in &members.members {
            // A member that says no address cannot be reached by it.
            let _unreachable = state.link_to(&member.address);
        }
        let named = self.named;
        let is_member = |link: &Link| members.members.iter().any(|member| member.address == link.address());
        let mut at = 0;
        state.links.retain(|link| {
            at += 1;
            at <= named || is_member(link)
        });
        let leader = members.members.iter().find(|member| Some(member.id) == members.leader_id);
        state.leader = leader.and_then(|leader| state.link_to(&leader.address));
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The link to an address; `None` when that is no address.
    fn link_to(&mut self, address: &str) -> Option<Arc<Link>> {
        if let Some(link) = self.links.iter().find(|link| link.address() == address) {
            return Some(Arc::clone(link));
        }
        let link = Arc::new(Link::new(address).ok()?);
        self.links.push(Arc::clone(&link));
        Some(link)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Member;

    fn member(id: u32, address: &str) -> Member {
        Member { id, address: address.to_owned(), ..Member::default() }
    }

    fn addresses(directory: &Directory) -> Vec<String> {
        directory.links().iter().map(|link| link.address().to_owned()).collect()
    }

    #[tokio::test]
    async fn members_come_and_go_and_named_nodes_stay() {
        let directory = Directory::new(&["a:1".to_owned(), "b:1".to_owned(), "a:1".to_owned()]).unwrap();
        let members =
            |members, leader_id| MembersResponse { members, leader_id, ..MembersResponse::default() };
        directory.learn_members(&members(vec![member(1, "a:1"), member(3, "c:1"), member(4, "")], Some(3)));
        assert_eq!(addresses(&directory), ["a:1", "b:1", "c:1"]);
        assert_eq!(directory.leader_or_next().address(), "c:1");
        directory.learn_members(&members(vec![member(2, "b:1")], None));
        assert_eq!(addresses(&directory), ["a:1", "b:1"]);
        assert!(directory.read().leader.is_none());
    }

    #[tokio::test]
    async fn a_node_that_failed_is_asked_last() {
        let directory = Directory::new(&["a:1".to_owned(), "b:1".to_owned()]).unwrap();
        let hint = LeaderHint { id: 1, address: "a:1".to_owned() };
        assert!(directory.learn_leader(Some(&hint)) && !directory.learn_leader(Some(&hint)));
        directory.leader_or_next().rest();
        for _ in 0..4 {
            assert_eq!(directory.leader_or_next().address(), "b:1");
        }
        directory.next().rest();
        let all_rest: std::collections::BTreeSet<_> =
            (0..2).map(|_| directory.next().address().to_owned()).collect();
        assert_eq!(all_rest.len(), 2, "when all rest, all are asked in turn");
    }

    #[test]
    fn a_client_without_nodes_is_refused() {
        assert!(Directory::new(&[]).is_err());
    }
}
