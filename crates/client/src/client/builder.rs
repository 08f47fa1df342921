//! `ClientBuilder`: how a client is to behave; the defaults work.

use std::time::Duration;

use super::connecting::connect;
use super::handle::Client;
use crate::caller::InterfaceLimits;
use crate::wire::Failure;

/// How a [`Client`] is to behave.
///
/// ```no_run
/// use std::time::Duration;
///
/// # async fn example() -> Result<(), pentad_client::Failure> {
/// let client = pentad_client::Client::builder()
///     .deadline(Duration::from_secs(2))
///     .connect(["10.0.0.1:7421", "10.0.0.2:7421"])
///     .await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until it connects"]
pub struct ClientBuilder {
    pub(super) deadline: Duration,
    pub(super) attempt: Duration,
    pub(super) in_flight_bytes_max: u32,
    pub(super) limits: InterfaceLimits,
}

impl Default for ClientBuilder {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(10),
            attempt: Duration::from_secs(3),
            in_flight_bytes_max: 64 << 20,
            limits: InterfaceLimits::default(),
        }
    }
}

impl ClientBuilder {
    /// How long a call may take, all its attempts together. Default 10 seconds.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// How long one node may take to answer before another one is asked as well. Default 3 seconds.
    pub fn attempt(mut self, attempt: Duration) -> Self {
        self.attempt = attempt;
        self
    }

    /// How many bytes of calls may be under way; further ones wait. Default and maximum that makes sense 64 MiB.
    pub fn in_flight_bytes_max(mut self, bytes: u32) -> Self {
        self.in_flight_bytes_max = bytes.max(1);
        self
    }

    /// A lower limit on the length of values for `KvBackend`, in bytes, beyond which it says `ValueTooLarge`.
    pub fn kv_value_bytes_max(mut self, bytes: usize) -> Self {
        self.limits.kv_value_bytes_max = bytes.min(InterfaceLimits::default().kv_value_bytes_max);
        self
    }

    /// How many live keys `KvBackend` may leave in the store, beyond which it says `QuotaExceeded`. Off by default.
    pub fn kv_keys_max(mut self, keys: u64) -> Self {
        self.limits.kv_keys_max = Some(keys);
        self
    }

    /// Finds the cluster through the nodes at `addresses` (`host:port`), one of which must answer.
    ///
    /// Needs a runtime of tokio, which has to outlive the client.
    ///
    /// # Errors
    ///
    /// When an address cannot be read, nobody answers, or whoever does speaks no version of the protocol that this client does.
    pub async fn connect(
        self,
        addresses: impl IntoIterator<Item = impl Into<String>>,
    ) -> Result<Client, Failure> {
        let addresses: Vec<String> = addresses.into_iter().map(Into::into).collect();
        connect(self, &addresses).await
    }
}
