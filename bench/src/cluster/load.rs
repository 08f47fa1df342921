//! The callers: so many at once, each of which asks again when it was answered, for a fixed time.

use std::fmt::Display;
use std::time::{Duration, Instant};

use bytes::Bytes;
use pentad_client::ClientApi;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::measure::Latencies;

/// How many keys there are.
pub(super) const KEYS: u64 = 10_000;
/// Bytes of a value.
pub(super) const VALUE_BYTES: usize = 256;

/// What a caller asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Operation {
    /// One key is written.
    Put,
    /// One key is read, linearizable.
    Linearizable,
    /// One key is read, by the leader's lease.
    Lease,
    /// One key is read where it is asked for.
    Eventual,
}

/// What to ask for, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct Load {
    pub(super) operation: Operation,
    /// Callers at once.
    pub(super) callers: u32,
    pub(super) millis: u64,
}

/// How it went.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Loaded {
    pub(super) operations: u64,
    pub(super) seconds: f64,
    pub(super) p50_us: f64,
    pub(super) p99_us: f64,
}

/// The keys that one caller takes, in an order that is the same in every run.
#[derive(Clone, Debug)]
pub(super) struct Keys(u64);

impl Keys {
    fn of(caller: u32) -> Self {
        Self(u64::from(caller).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn next(&mut self) -> [u8; 8] {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        key(self.0 % KEYS)
    }
}

/// The key with this number.
pub(super) fn key(number: u64) -> [u8; 8] {
    number.to_be_bytes()
}

/// A value that nothing can make smaller.
pub(super) fn value() -> Bytes {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let words = (0..VALUE_BYTES / 8).flat_map(|_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_le_bytes()
    });
    words.collect::<Vec<u8>>().into()
}

/// Runs `ask`, which is told the key and answers when it was answered, for as long as the load says.
pub(super) async fn drive<A, F>(load: Load, ask: A) -> Result<Loaded>
where
    A: Fn([u8; 8]) -> F + Clone + Send + 'static,
    F: Future<Output = Result<()>> + Send,
{
    let begun = Instant::now();
    let until = begun + Duration::from_millis(load.millis);
    let callers: Vec<_> = (0..load.callers)
        .map(|caller| {
            let ask = ask.clone();
            tokio::spawn(async move {
                let (mut keys, mut times) = (Keys::of(caller), Latencies::with_capacity(4_096));
                let mut before = Instant::now();
                while before < until {
                    ask(keys.next()).await?;
                    let now = Instant::now();
                    times.push(now - before);
                    before = now;
                }
                Ok::<_, Error>(times)
            })
        })
        .collect();
    let mut times = Latencies::default();
    for caller in callers {
        times.append(caller.await.map_err(|error| failed("a caller")(error))??);
    }
    let seconds = begun.elapsed().as_secs_f64();
    let operations = times.len();
    Ok(Loaded { operations, seconds, p50_us: times.quantile_us(500), p99_us: times.quantile_us(990) })
}

/// Writes every key once, with a hundred callers.
pub(super) async fn fill<A, F>(ask: A) -> Result<()>
where
    A: Fn([u8; 8]) -> F + Clone + Send + 'static,
    F: Future<Output = Result<()>> + Send,
{
    const CALLERS: u64 = 100;
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let ask = ask.clone();
            tokio::spawn(async move {
                for number in (caller..KEYS).step_by(CALLERS as usize) {
                    ask(key(number)).await?;
                }
                Ok::<_, Error>(())
            })
        })
        .collect();
    for caller in callers {
        caller.await.map_err(|error| failed("a caller")(error))??;
    }
    Ok(())
}

/// One operation by way of the interface.
pub(super) async fn ask(
    api: &impl ClientApi,
    operation: Operation,
    key: [u8; 8],
    value: &Bytes,
) -> Result<()> {
    let got = match operation {
        Operation::Put => {
            let put = api.put(key, value).await;
            return put.map_err(|error| failed("put")(error));
        }
        Operation::Linearizable => api.get_linearizable(key).await,
        Operation::Lease => api.get_lease(key).await,
        Operation::Eventual => api.get_eventual(key).await,
    };
    check(got.map_err(|error| failed("get")(error))?.as_deref())
}

/// Fails when what was read is not a value of ours.
pub(super) fn check(value: Option<&[u8]>) -> Result<()> {
    match value {
        Some(value) if value.len() == VALUE_BYTES => Ok(()),
        Some(value) => Err(Error::WrongAnswer(format!("a value of {} bytes", value.len()))),
        None => Err(Error::WrongAnswer("a key that was written is not there".to_owned())),
    }
}

/// For `map_err` on whatever is done with a cluster.
pub(super) fn failed<E: Display>(doing: &'static str) -> impl FnOnce(E) -> Error {
    move |error| Error::Engine { engine: "the cluster", doing, reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[test]
    fn every_answer_is_counted_and_a_failure_ends_the_run() {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_time().build().unwrap();
        let asked = Arc::new(AtomicU64::new(0));
        let load = Load { operation: Operation::Put, callers: 3, millis: 50 };
        let counted = Arc::clone(&asked);
        let loaded = runtime.block_on(drive(load, move |_| {
            let asked = Arc::clone(&counted);
            async move {
                asked.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(1)).await;
                Ok(())
            }
        }));
        let loaded = loaded.unwrap();
        assert_eq!(loaded.operations, asked.load(Ordering::Relaxed));
        assert!(loaded.p50_us >= 1_000.0 && loaded.seconds >= 0.05, "{loaded:?}");
        let refused = |_| async { Err(Error::WrongAnswer("none".to_owned())) };
        assert!(runtime.block_on(drive(load, refused)).is_err());
    }

    #[test]
    fn keys_are_those_that_were_filled_in() {
        let mut keys = Keys::of(7);
        assert!((0..1_000).all(|_| u64::from_be_bytes(keys.next()) < KEYS));
        assert_eq!(value().len(), VALUE_BYTES);
        assert!(check(Some(&value())).is_ok() && check(None).is_err() && check(Some(b"short")).is_err());
    }
}
