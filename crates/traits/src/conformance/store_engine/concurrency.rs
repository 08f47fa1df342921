//! Rules about reading while another thread writes.
//!
//! One thread writes until the others have looked often enough. Each looks for a state that no commit left behind.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use bytes::Bytes;

use super::StoreEngineFactory;
use crate::StoreEngine;
use crate::conformance::check::{Check, Unmet, ensure, works};

/// Every commit gives all these keys the same value.
const KEYS: [&[u8]; 4] = [b"a", b"b", b"c", b"d"];
/// A reader must have seen so many different commits.
const COMMITS_SEEN_MIN: u64 = 20;
const LOOKS_MIN: u64 = 100;
/// The writer waits for the reader to see one more commit after so many, so that neither starves the other however
/// fast the store and however busy the machine.
const COMMITS_PER_COMMIT_SEEN: u64 = 100;

/// What reader and writer know of each other.
#[derive(Default)]
struct Progress {
    acknowledged: AtomicU64,
    commits_seen: AtomicU64,
    stop: AtomicBool,
}

/// Writes commit after commit, the number of each as its value, while `look` looks at the store. `look` answers the
/// number of the newest commit that it saw, which is at least the last one that was acknowledged before.
fn watch_writer<S: StoreEngine>(store: &S, look: impl Fn() -> Result<u64, Unmet>) -> Check {
    let progress = Progress::default();
    thread::scope(|scope| {
        let writer = scope.spawn(|| write_on(store, &progress));
        // Whatever happens here, the writer is told to stop.
        let seen = catch_unwind(AssertUnwindSafe(|| look_on(look, &progress, || writer.is_finished())));
        progress.stop.store(true, Ordering::SeqCst);
        let written = writer.join().map_err(|_| Unmet::broken("the writing thread panicked"))?;
        written?;
        seen.unwrap_or_else(|panic| resume_unwind(panic))
    })
}

fn write_on<S: StoreEngine>(store: &S, progress: &Progress) -> Check {
    for number in 1.. {
        while !progress.stop.load(Ordering::SeqCst)
            && number > COMMITS_PER_COMMIT_SEEN * (progress.commits_seen.load(Ordering::SeqCst) + 1)
        {
            thread::yield_now();
        }
        if progress.stop.load(Ordering::SeqCst) {
            break;
        }
        let value = Bytes::from(number.to_string());
        let batch = KEYS.map(|key| (Bytes::from_static(key), value.clone()));
        works("put_batch", store.put_batch(&batch))?;
        progress.acknowledged.store(number, Ordering::SeqCst);
    }
    Ok(())
}

/// Looks until enough was seen.
fn look_on(
    look: impl Fn() -> Result<u64, Unmet>,
    progress: &Progress,
    writer_ended: impl Fn() -> bool,
) -> Check {
    let (mut looks, mut newest) = (0, 0);
    while looks < LOOKS_MIN || progress.commits_seen.load(Ordering::SeqCst) < COMMITS_SEEN_MIN {
        let acknowledged = progress.acknowledged.load(Ordering::SeqCst);
        let number = look()?;
        ensure(
            number >= acknowledged,
            format_args!(
                "a reader saw commit {number} as the newest after commit {acknowledged} was acknowledged"
            ),
        )?;
        if number > newest {
            newest = number;
            progress.commits_seen.fetch_add(1, Ordering::SeqCst);
        } else {
            // On a busy machine the writer may be waiting for this very core.
            thread::yield_now();
        }
        looks += 1;
        if writer_ended() {
            // It does so by an error alone, which its result tells.
            break;
        }
    }
    Ok(())
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
