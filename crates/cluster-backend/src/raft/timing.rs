//! How long things take at most, and what openraft is configured with.
//!
//! The defaults hold for three nodes that share two cores: a leader is missed only after it was silent for longer than such a
//! machine stalls, and service is back within three seconds after its death.

use std::sync::Arc;
use std::time::Duration;

use openraft::{Config, SnapshotPolicy};

use crate::error::{Error, ErrorKind, Result};

/// Times of the consensus between nodes. All nodes of a cluster should have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// How often the leader tells the others that it is there. Default 200 ms.
    pub heartbeat: Duration,
    /// How long a node waits at least, after a leader's lease is over, before it wants to lead itself. Default 600 ms.
    pub election_min: Duration,
    /// The most of that, and the time that a lease lasts for those who gave it. Default 1,000 ms.
    pub election_max: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_millis(200),
            election_min: Duration::from_millis(600),
            election_max: Duration::from_millis(1_000),
        }
    }
}

impl Timing {
    /// How old the last sign of a majority may be for a lease read.
    ///
    /// A follower keeps its promise for `election_max` by its own clock, and for `election_min` after a restart; the leader counts
    /// from when it asked. So this is safe as long as no clock runs a quarter faster than another.
    pub(crate) fn lease(&self) -> Duration {
        self.election_min * 3 / 4
    }

    /// For how long a member may have been silent and still counts as there, when the members are to change: some elections.
    pub(crate) fn silent_max(&self) -> Duration {
        self.election_max * 3
    }

    /// The configuration; of the entries that a snapshot covers, the newest `log_kept` stay.
    pub(crate) fn config(&self, log_kept: u64) -> Result<Arc<Config>> {
        let ms = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let config = Config {
            cluster_name: "pentad".into(),
            heartbeat_interval: ms(self.heartbeat),
            election_timeout_min: ms(self.election_min),
            election_timeout_max: ms(self.election_max),
            // Bytes bound it before: the log hands out no more than a few MiB at a time.
            max_payload_entries: 4096,
            // The node asks for snapshots itself, by bytes.
            snapshot_policy: SnapshotPolicy::Never,
            max_in_snapshot_log_to_keep: log_kept,
            purge_batch_size: 1,
            // A follower gets a snapshot when the log does not reach back to it, not because it is slow.
            replication_lag_threshold: u64::MAX / 2,
            install_snapshot_timeout: ms(Duration::from_secs(3600)),
            // Leadership is asked for anew: whoever restarts cannot know what happened since.
            enable_leader_restore: Some(false),
            enable_pre_vote: Some(true),
            ..Config::default()
        };
        let refused =
            |error| Error::new(ErrorKind::InvalidInput, format!("these times do not fit together: {error}"));
        Ok(Arc::new(config.validate().map_err(refused)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_accepted_and_the_lease_ends_before_anyone_votes() {
        let timing = Timing::default();
        timing.config(10_000).expect("accepted");
        assert!(timing.lease() < timing.election_min);
        assert!(timing.heartbeat * 2 < timing.lease());
    }
}
