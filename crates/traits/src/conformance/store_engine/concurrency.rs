//! Rules about reading while another thread writes.
//!
//! One thread writes until the others have looked often enough. Each looks for a state that no commit left behind.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::StoreEngineFactory;
use crate::StoreEngine;
use crate::conformance::check::{Check, Unmet, ensure, works};

/// Every commit gives all these keys the same value.
const KEYS: [&[u8]; 4] = [b"a", b"b", b"c", b"d"];
/// A reader must have seen so many different commits.
const COMMITS_SEEN_MIN: u64 = 20;
const LOOKS_MIN: u64 = 100;
/// The writer waits for the reader when it is so far ahead, so that a fast store does not starve the reader.
const COMMITS_PER_LOOK_MAX: u64 = 256;
const COMMITS_MAX: u64 = 60_000;
const PATIENCE: Duration = Duration::from_secs(60);

/// Writes commit after commit, the number of each as its value, while `look` looks at the store. `look` answers the
/// number of the newest commit that it saw.
fn watch_writer<S: StoreEngine>(store: &S, look: impl Fn() -> Result<u64, Unmet>) -> Check {
    let (stop, looks) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for number in 1..=COMMITS_MAX {
                while !stop.load(Ordering::Relaxed)
                    && number > COMMITS_PER_LOOK_MAX * (looks.load(Ordering::Relaxed) + 1)
                {
                    thread::yield_now();
                }
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                let value = Bytes::from(number.to_string());
                let batch = KEYS.map(|key| (Bytes::from_static(key), value.clone()));
                works("put_batch", store.put_batch(&batch))?;
            }
            Ok(())
        });
        // The writer ends, whatever happens here.
        let seen = catch_unwind(AssertUnwindSafe(|| watch(&look, &looks, || writer.is_finished())));
        stop.store(true, Ordering::Relaxed);
        let written: Check = writer.join().map_err(|_| Unmet::broken("the writing thread panicked"))?;
        written?;
        seen.unwrap_or_else(|panic| resume_unwind(panic))
    })
}

/// Looks until enough was seen.
fn watch(
    look: &impl Fn() -> Result<u64, Unmet>,
    looks: &AtomicU64,
    writer_ended: impl Fn() -> bool,
) -> Check {
    let started = Instant::now();
    let (mut commits_seen, mut newest) = (0, 0);
    loop {
        let number = look()?;
        if number > newest {
            newest = number;
            commits_seen += 1;
        }
        let looks = looks.fetch_add(1, Ordering::Relaxed) + 1;
        if looks >= LOOKS_MIN && commits_seen >= COMMITS_SEEN_MIN {
            return Ok(());
        }
        ensure(
            !writer_ended() && started.elapsed() < PATIENCE,
            format_args!("a reader saw {commits_seen} different commits while another thread wrote on"),
        )?;
    }
}

/// All values are the same; answers their number, 0 when none is there.
fn one_commit<'a>(values: impl Iterator<Item = Option<&'a [u8]>>) -> Result<u64, Unmet> {
    let numbers = values
        .map(|value| match value {
            None => Ok(0),
            Some(value) => {
                let text = str::from_utf8(value).map_err(|error| Unmet::broken(error.to_string()))?;
                text.parse::<u64>()
                    .map_err(|_| Unmet::broken(format!("the value {text:?} was never written")))
            }
        })
        .collect::<Result<Vec<_>, _>>()?;
    ensure(
        numbers.windows(2).all(|two| two[0] == two[1]),
        format_args!("keys that every commit gives one value had {numbers:?}"),
    )?;
    Ok(numbers.first().copied().unwrap_or(0))
}

/// Reads key by key, in an order in which a later commit is allowed and half of one is not: once the first key is
/// seen with a number, all keys have at least that number.
pub(super) fn a_batch_becomes_visible_at_once<F: StoreEngineFactory>(factory: &F) -> Check {
    let store = factory.create();
    watch_writer(&store, || {
        let mut least = 0;
        for key in KEYS.into_iter().chain(KEYS.into_iter().rev()) {
            let value = works("get", store.get(key))?;
            let number = one_commit([value.as_deref()].into_iter())?;
            ensure(
                number >= least,
                format_args!(
                    "a key had the value of commit {number} after another had that of commit {least}"
                ),
            )?;
            least = number;
        }
        Ok(least)
    })
}

pub(super) fn a_scan_is_one_consistent_view<F: StoreEngineFactory>(factory: &F) -> Check {
    for forward in [true, false] {
        let store = factory.create();
        watch_writer(&store, || {
            let rows = works("range_scan", store.range_scan(b"", b"", 10, forward))?;
            ensure(rows.is_empty() || rows.len() == KEYS.len(), "a scan saw some of the keys of a commit")?;
            one_commit(rows.iter().map(|(_, value)| Some(&value[..])))
        })?;
    }
    Ok(())
}

pub(super) fn many_keys_are_one_consistent_view<F: StoreEngineFactory>(factory: &F) -> Check {
    let store = factory.create();
    watch_writer(&store, || {
        let found = works("get_many", store.get_many(&KEYS))?;
        one_commit(found.iter().map(|(_, value)| value.as_deref()))
    })
}

/// The number that a commit writes is its sequence, so state and log must be as far as the sequence that was told.
pub(super) fn a_sequence_is_readable_once_it_is_told<F: StoreEngineFactory>(factory: &F) -> Check {
    let store = factory.create();
    watch_writer(&store, || {
        let told = store.current_sequence();
        let found = works("get", store.get(KEYS[0]))?;
        let number = one_commit([found.as_deref()].into_iter())?;
        ensure(
            number >= told,
            format_args!("current_sequence was {told} when the newest value was of {number}"),
        )?;
        if told > 0 {
            let logged = works("get_batch", store.get_batch(told))?;
            ensure(
                logged.is_some(),
                format_args!("current_sequence was {told} when get_batch had no such commit"),
            )?;
        }
        Ok(told)
    })
}
