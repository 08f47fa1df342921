//! `NewestFirst`: entries by age, as one node tells them.
//!
//! Invariant: all that is told is of one view, which only the node has that began; so a node is looked for until one begins, and no
//! other one goes on when it fails.

use std::collections::VecDeque;
use std::fmt;

use tokio::time::{Instant, sleep, timeout_at};
use tonic::Streaming;

use super::backoff::Backoff;
use super::handle::Client;
use super::watch::passes;
use crate::wire::{Failure, FailureKind, NewestFirstRequest, NewestFirstResponse, NewestRow};

/// Entries, the one written last first, all of one view, fetched as they are taken.
pub struct NewestFirst {
    open: Streaming<NewestFirstResponse>,
    rows: VecDeque<NewestRow>,
}

impl fmt::Debug for NewestFirst {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewestFirst").field("fetched", &self.rows.len()).finish_non_exhaustive()
    }
}

impl NewestFirst {
    pub(super) async fn open(client: &Client, request: NewestFirstRequest) -> Result<Self, Failure> {
        let until = Instant::now() + client.deadline;
        let mut backoff = Backoff::default();
        loop {
            let link = client.inner.directory.leader_or_next();
            let mut node = link.keys();
            let failure = match timeout_at(until, node.newest_first(request.clone())).await {
                Ok(Ok(opened)) => return Ok(Self { open: opened.into_inner(), rows: VecDeque::new() }),
                Ok(Err(status)) => Failure::from(status),
                Err(_) => {
                    let text = format!("{}: no answer in time", link.address());
                    return Err(Failure::new(FailureKind::TimedOut, text));
                }
            };
            let pause = backoff.next();
            if !passes(&failure) || Instant::now() + pause >= until {
                return Err(failure);
            }
            link.rest();
            sleep(pause).await;
        }
    }

    /// The next entry; `None` behind the oldest one.
    ///
    /// # Errors
    ///
    /// What the node cannot read, or that it has gone: then there is no going on.
    pub async fn next(&mut self) -> Result<Option<NewestRow>, Failure> {
        while self.rows.is_empty() {
            let Some(message) = self.open.message().await.map_err(Failure::from)? else { return Ok(None) };
            self.rows = message.rows.into();
        }
        Ok(self.rows.pop_front())
    }
}
