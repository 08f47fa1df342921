//! What a cluster has answered, as lines or as JSON.

use std::fmt::Write as _;

use pentad_client::wire::{LeaderHint, MemberStatus, MembersResponse, Role, StatusResponse};
use serde_json::{Value, json};

use crate::args::Global;
use crate::error::Result;
use crate::human::counted;
use crate::output::Output;

fn role_word(role: Role) -> &'static str {
    match role {
        Role::Unspecified => "none",
        Role::Follower => "follower",
        Role::Candidate => "candidate",
        Role::Leader => "leader",
        Role::Learner => "learner",
    }
}

fn status_word(status: MemberStatus) -> &'static str {
    match status {
        MemberStatus::Unspecified => "unknown",
        MemberStatus::Promotable => "promotable",
        MemberStatus::ReadOnly => "read-only",
        MemberStatus::Active => "active",
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes what is written to it");
        text
    })
}

/// How often the node was brought up by a snapshot instead of the log.
fn snapshots_from_others(count: u64) -> String {
    format!("{} from other nodes since the start", counted(count, "snapshot", "snapshots"))
}

fn or_dash(number: Option<u64>) -> String {
    number.map_or_else(|| "-".to_owned(), |number| number.to_string())
}

pub(super) fn members(global: &Global, answer: &MembersResponse) -> Result<()> {
    let mut output = Output::new();
    if global.json {
        let list = answer.members.iter().map(|member| {
            json!({
                "id": member.id,
                "address": member.address,
                "role": role_word(member.role()),
                "status": status_word(member.status()),
                "applied": member.applied_index,
                "matched": member.matched_index,
                "reachable": member.reachable,
            })
        });
        output.json(&Value::Array(list.collect()))?;
        return output.finish();
    }
    output.line(&format!("{:<5} {:<24} {:<10} {:<11} {}", "ID", "ADDRESS", "ROLE", "STATUS", "APPLIED"))?;
    for member in &answer.members {
        let applied =
            if member.reachable { or_dash(member.applied_index) } else { "does not answer".to_owned() };
        output.line(&format!(
            "{:<5} {:<24} {:<10} {:<11} {applied}",
            member.id,
            member.address,
            role_word(member.role()),
            status_word(member.status()),
        ))?;
    }
    output.finish()
}

pub(super) fn status(global: &Global, answer: &StatusResponse) -> Result<()> {
    let node = answer.node.clone().unwrap_or_default();
    let id = Some(node.node_id).filter(|id| *id != 0);
    let cluster = Some(hex(&node.cluster_id)).filter(|id| !id.is_empty());
    let leader_address = Some(&answer.leader_address).filter(|address| !address.is_empty());
    let mut output = Output::new();
    if global.json {
        output.json(&json!({
            "id": id,
            "address": node.address,
            "role": role_word(answer.role()),
            "term": answer.term,
            "leader": answer.leader_id,
            "leader_address": leader_address,
            "last_log": answer.last_log_index,
            "committed": answer.committed_index,
            "applied": answer.applied_index,
            "snapshot": answer.snapshot_index,
            "purged": answer.purged_index,
            "snapshots_installed": answer.snapshots_installed,
            "sequence": answer.applied_sequence,
            "keys": answer.live_keys,
            "version": answer.version,
            "member": answer.is_member,
            "cluster": cluster,
        }))?;
        return output.finish();
    }
    let id = id.map_or_else(|| "in no cluster yet".to_owned(), |id| id.to_string());
    let leader = match (answer.leader_id, leader_address) {
        (Some(id), Some(address)) => format!("{id} at {address}"),
        (Some(id), None) => id.to_string(),
        (None, _) => "not known".to_owned(),
    };
    for (name, value) in [
        ("node", id),
        ("address", node.address),
        ("cluster", cluster.unwrap_or_else(|| "-".to_owned())),
        ("role", role_word(answer.role()).to_owned()),
        ("term", answer.term.to_string()),
        ("leader", leader),
        ("last log entry", or_dash(answer.last_log_index)),
        ("committed", or_dash(answer.committed_index)),
        ("applied", or_dash(answer.applied_index)),
        ("snapshot", or_dash(answer.snapshot_index)),
        ("purged", or_dash(answer.purged_index)),
        ("installed", snapshots_from_others(answer.snapshots_installed)),
        ("sequence", answer.applied_sequence.to_string()),
        ("keys", answer.live_keys.to_string()),
        ("version", answer.version.clone()),
    ] {
        output.line(&format!("{name:<15} {value}"))?;
    }
    output.finish()
}

pub(super) fn leader(global: &Global, leader: Option<&LeaderHint>) -> Result<()> {
    let mut output = Output::new();
    match (leader, global.json) {
        (leader, true) => {
            output.json(&json!({
                "leader": leader.map(|leader| leader.id),
                "address": leader.map(|leader| leader.address.clone()),
            }))?;
        }
        (Some(leader), false) => output.line(&format!("node {} at {} leads", leader.id, leader.address))?,
        (None, false) => output.line("no leader is known")?,
    }
    output.finish()
}

pub(super) fn snapshot(global: &Global, index: Option<u64>) -> Result<()> {
    let mut output = Output::new();
    match (index, global.json) {
        (index, true) => output.json(&json!({ "index": index }))?,
        (Some(index), false) => output.line(&format!("the newest snapshot is of entry {index}"))?,
        (None, false) => output.line("there is nothing to take a snapshot of yet")?,
    }
    output.finish()
}
