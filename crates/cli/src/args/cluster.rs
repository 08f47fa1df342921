//! `--endpoints`, and the arguments of `serve` and `cluster`.

use clap::{Args, Subcommand, ValueEnum};

use super::Global;
use crate::error::{Failure, Result};

pub(super) const SERVE_AFTER_HELP: &str = "\
The store is the directory of a node: a replica of what the cluster holds, its Raft log, and who the node is. In a new directory
a cluster of one begins, unless --join or --wait says otherwise; a node that belongs to a cluster stays in it, whatever is said.

  pentad serve --store n1 --listen 127.0.0.1:7420 --insecure
  pentad serve --store n2 --listen 127.0.0.1:7421 --join 127.0.0.1:7420 --insecure
  pentad serve --store n3 --listen 127.0.0.1:7422 --join 127.0.0.1:7420 --insecure

Nodes that join become voters by themselves when they have caught up. Three voters survive the loss of any one of them.

When the node can be reached, a line on standard output says where: \"listening on ADDR\", with --json {\"listening\": ADDR, \"node\": ID or
null}. The log goes to standard error; PENTAD_LOG says how much of it, as in PENTAD_LOG=debug. SIGTERM and Ctrl-C pass the lead on, and
end the node when what is under way is done.";

pub(super) const CLUSTER_AFTER_HELP: &str = "\
Ask any node of the cluster: --endpoints 127.0.0.1:7420,127.0.0.1:7421. Changes go to the leader by themselves, one at a time.

With --json:
  status    one object: {\"id\", \"address\", \"role\", \"term\", \"leader\", \"leader_address\", \"last_log\", \"committed\", \"applied\",
            \"snapshot\", \"purged\", \"snapshots_installed\" (from other nodes since the start), \"sequence\", \"keys\", \"version\", \"member\",
            \"cluster\"}; null is not known
  members, and every change of them: a list of {\"id\", \"address\", \"role\": leader, follower, candidate or learner, \"status\": active,
            promotable or read-only, \"applied\", \"matched\", \"reachable\"}
  transfer  {\"leader\", \"address\"}
  snapshot  {\"index\"}";

/// Arguments of `serve`.
#[derive(Args, Debug)]
pub(crate) struct ServeArgs {
    /// Host and port to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7420")]
    pub(crate) listen: String,
    /// Join the cluster of the node at this address; several may be named
    #[arg(long, value_name = "ADDR", value_delimiter = ',', conflicts_with = "wait")]
    pub(crate) join: Vec<String>,
    /// Stay a learner after joining
    #[arg(long, requires = "join")]
    pub(crate) learner: bool,
    /// In a new directory, wait to be added or made part of a new cluster
    #[arg(long)]
    pub(crate) wait: bool,
    /// Take a snapshot after so many bytes of writes, and give up the log that it covers
    #[arg(long, value_name = "BYTES", default_value_t = 256 << 20, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) snapshot_bytes: u64,
    /// Keep so many entries of the log though a snapshot covers them, for nodes that are a little behind
    #[arg(long, value_name = "ENTRIES", default_value_t = 10_000)]
    pub(crate) log_entries_kept: u64,
    /// Serve without encryption; only on this machine's own addresses
    #[arg(long)]
    pub(crate) insecure: bool,
    /// The form of the log on standard error
    #[arg(long, value_enum, value_name = "FORM", default_value_t = LogForm::Text)]
    pub(crate) log: LogForm,
}

/// How a node writes its log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogForm {
    /// Lines for people
    Text,
    /// One JSON object per line
    Json,
}

/// Arguments of `cluster`.
#[derive(Args, Debug)]
pub(crate) struct ClusterArgs {
    #[command(subcommand)]
    pub(crate) verb: ClusterVerb,
}

/// What is to be done with a cluster.
#[derive(Debug, Subcommand)]
pub(crate) enum ClusterVerb {
    /// Say how the first node that answers sees itself
    Status,
    /// List the members, and how far each of them is
    Members,
    /// Make a cluster of nodes that wait, the first of which is asked
    Bootstrap {
        /// Addresses of the first voters, as they listen
        #[arg(value_name = "ADDR", required = true)]
        addresses: Vec<String>,
    },
    /// Add a node that waits, as a learner; it becomes a voter when it has caught up
    Add {
        /// The address that it listens on
        #[arg(value_name = "ADDR")]
        address: String,
        /// Leave it a learner
        #[arg(long)]
        learner: bool,
    },
    /// Make a voter of a learner
    Promote {
        /// Its id
        id: u32,
    },
    /// Remove a member; if it leads, another one leads first
    Remove {
        /// Its id
        id: u32,
    },
    /// Pass the lead on
    Transfer {
        /// Who is to lead [default: the voter that is furthest]
        id: Option<u32>,
    },
    /// Have the first node that answers take a snapshot, and give up the log before it
    Snapshot,
}

impl Global {
    /// The nodes of a cluster, if one was named in the place of a directory.
    pub(crate) fn endpoints(&self) -> Option<&[String]> {
        (!self.endpoints.is_empty()).then_some(&*self.endpoints)
    }

    /// Refuses a cluster in the place of files.
    ///
    /// # Errors
    ///
    /// [`Failure::Usage`] when one was named.
    pub(crate) fn check_no_endpoints(&self) -> Result<()> {
        if self.endpoints.is_empty() {
            return Ok(());
        }
        let text = "this is about the files of a store, so it is not done through --endpoints: run it on the machine that \
                    has them, with --store DIR";
        Err(Failure::Usage(text.to_owned()))
    }
}
