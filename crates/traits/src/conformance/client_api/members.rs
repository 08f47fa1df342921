//! Rules about the nodes behind the store, and about stores that do not answer.

use super::ClientApiFactory;
use crate::conformance::check::{Check, ensure, equal, refused, shown, skip, works};
use crate::{ClientApi, ClientApiError, ErrorCode, NodeMeta, NodeRole, NodeStatus};

pub(super) async fn members_and_leader_agree<F: ClientApiFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    let members = works("list_members", store.list_members().await)?;
    for member in &members {
        works("reading a member's role", NodeRole::try_from(member.role))?;
        works("reading a member's status", NodeStatus::try_from(member.status))?;
    }
    let mut ids: Vec<u32> = members.iter().map(|member| member.id).collect();
    ids.sort_unstable();
    ids.dedup();
    equal("the number of different ids", ids.len(), members.len())?;
    let leader = works("get_leader_id", store.get_leader_id().await)?;
    ensure(
        leader.is_some_and(|leader| ids.contains(&leader)),
        format_args!("the leader of a new store, {leader:?}, is not among its members, {ids:?}"),
    )?;
    let role = members.iter().find(|member| Some(member.id) == leader).map(|member| member.role);
    equal("the role of the leader", role, Some(i32::from(NodeRole::Leader)))
}

pub(super) async fn a_local_store_is_leader_and_only_member<F: ClientApiFactory>(factory: &F) -> Check {
    if !factory.is_local() {
        return skip("the store is not a local one");
    }
    let store = factory.create().await;
    let only_member = NodeMeta {
        id: 1,
        address: String::new(),
        role: i32::from(NodeRole::Leader),
        status: i32::from(NodeStatus::Active),
    };
    equal("list_members", works("list_members", store.list_members().await)?, [only_member])?;
    equal("get_leader_id", works("get_leader_id", store.get_leader_id().await)?, Some(1))
}

pub(super) async fn an_unknown_outcome_is_a_connection_timeout<F: ClientApiFactory>(factory: &F) -> Check {
    let Some(store) = factory.create_unanswered().await else {
        return skip("the store cannot be made not to answer");
    };
    let is_unknown = |error: ClientApiError| {
        ensure(
            matches!(error, ClientApiError::Network { code: ErrorCode::ConnectionTimeout, .. }),
            format_args!("the error is {}, not Network with ConnectionTimeout", shown(&error)),
        )
    };
    is_unknown(refused("put without an answer", store.put("k", "v").await)?)?;
    is_unknown(refused("put_with_ttl without one", store.put_with_ttl("k", "v", 9).await)?)?;
    is_unknown(refused("delete without one", store.delete("k").await)?)?;
    is_unknown(refused("a swap without one", store.compare_and_swap("k", None::<&str>, "v").await)?)?;
    is_unknown(refused("get without one", store.get("k").await)?)
}
