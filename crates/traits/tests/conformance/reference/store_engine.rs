//! `StoreEngine` of the reference store.

use std::collections::BTreeSet;
use std::ops::Bound;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use pentad_traits::StoreEngine;

use super::state::{Change, Entry, Id, State};
use super::store::Store;
use crate::defect::Defect as D;

/// Long enough for another thread to look, short enough to do it often.
const A_MOMENT: Duration = Duration::from_micros(200);

type Rows = Vec<(Bytes, Bytes)>;

impl Store {
    /// Removes expired entries in commits of their own, which only a defect does.
    fn bury_expired(&self) {
        let now_ns = self.now_ns();
        let mut state = self.lock();
        if state.has(D::ExpiryTakesSequence) {
            let expired: Vec<Id> =
                state.entries.keys().filter(|id| state.live(id, now_ns).is_none()).cloned().collect();
            for id in expired {
                state.commit(vec![Change::delete(id)], now_ns);
            }
        }
    }

    fn put_in_steps(&self, changes: Vec<Change>) -> Result<u64, String> {
        let mut sequence = 0;
        for change in changes {
            sequence = self.commit(vec![change])?;
            thread::sleep(A_MOMENT);
        }
        Ok(sequence)
    }
}

/// The rows between two keys, before any limit.
fn between<'a>(
    state: &'a State,
    start: &[u8],
    end: &[u8],
    now_ns: u64,
) -> impl DoubleEndedIterator<Item = (&'a Bytes, &'a Entry)> {
    let high = [0xff; 16];
    let end = if end.is_empty() && state.has(D::EmptyEndIsSixteenHighBytes) { &high } else { end };
    let first = match start.is_empty() && state.has(D::EmptyStartIsExclusive) {
        true => Bound::Excluded(Id::key(start)),
        false => Bound::Included(Id::key(start)),
    };
    let last = match end {
        // All hashes sort behind all keys.
        b"" if !state.has(D::EmptyEndIsTheEmptyKey) => Bound::Excluded(Id::Hash(0)),
        end if state.has(D::EndIsExclusive) => Bound::Excluded(Id::key(end)),
        end => Bound::Included(Id::key(end)),
    };
    let is_empty = match (&first, &last) {
        (Bound::Excluded(first), Bound::Excluded(last)) => first >= last,
        (Bound::Included(first) | Bound::Excluded(first), Bound::Included(last) | Bound::Excluded(last)) => {
            first > last
        }
        _ => false,
    };
    let range = (!is_empty).then(|| state.entries.range((first, last)));
    let now_ns = if state.has(D::ScanSeesExpired) { 0 } else { now_ns };
    range.into_iter().flatten().filter_map(move |(id, entry)| match id {
        Id::Key(key) if entry.deadline.is_none_or(|deadline| now_ns < deadline.at_ns) => Some((key, entry)),
        _ => None,
    })
}

fn row((key, entry): (&Bytes, &Entry)) -> (Bytes, Bytes) {
    (key.clone(), entry.payload.clone())
}

impl StoreEngine for Store {
    fn put_batch(&self, kvs: &[(Bytes, Bytes)]) -> Result<u64, String> {
        if kvs.is_empty() && self.has(D::EmptyBatchTakesNoSequence) {
            return Ok(self.lock().sequence);
        }
        let changes: Vec<Change> = kvs.iter().map(|(key, value)| Change::put(Id::key(key), value)).collect();
        if self.has(D::BatchIsAppliedInSteps) {
            return self.put_in_steps(changes);
        }
        if self.has(D::SequenceIsToldEarly) {
            self.inner.told_early.store(true, Ordering::SeqCst);
            thread::sleep(A_MOMENT);
        }
        let sequence = self.commit(changes);
        self.inner.told_early.store(false, Ordering::SeqCst);
        if self.has(D::BuffersOfTheCallerAreKept)
            && let Ok(sequence) = sequence
        {
            self.lock().log.insert(sequence, kvs.to_vec());
        }
        sequence
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, String> {
        self.bury_expired();
        Ok(self.lock().live(&Id::key(key), self.now_ns()).map(|entry| entry.payload.to_vec()))
    }

    fn range_scan(&self, start: &[u8], end: &[u8], limit: usize, forward: bool) -> Result<Rows, String> {
        let now_ns = self.now_ns();
        let state = self.lock();
        let (start, end) = match !end.is_empty() && start > end && state.has(D::StartAboveEndIsSwapped) {
            true => (end, start),
            false => (start, end),
        };
        let mut limit = if limit == 0 && state.has(D::LimitZeroIsNoLimit) { usize::MAX } else { limit };
        if state.has(D::DeletedKeysUseUpTheLimit) {
            limit = limit.saturating_sub(state.graves.len());
        }
        let rows = between(&state, start, end, now_ns).map(row);
        let whole = state.has(D::ScanReadsTheWholeRange)
            || state.has(D::KeysAreSignedBytes)
            || (forward && state.has(D::ForwardTakesHighest))
            || (!forward
                && (state.has(D::BackwardScanReadsTheWholeRange) || state.has(D::BackwardTakesLowest)));
        if !whole {
            let rows: Rows =
                if forward { rows.take(limit).collect() } else { rows.rev().take(limit).collect() };
            if !state.has(D::ScanIsTorn) {
                return Ok(rows);
            }
            drop(state);
            let reread = |(key, _): (Bytes, Bytes)| {
                let value = self.lock().live(&Id::Key(key.clone()), now_ns)?.payload.clone();
                Some((key, value))
            };
            let mut rows = rows.into_iter();
            let first = rows.next().and_then(reread);
            thread::sleep(A_MOMENT);
            return Ok(first.into_iter().chain(rows.filter_map(reread)).collect());
        }
        let mut rows: Rows = rows.collect();
        if state.has(D::KeysAreSignedBytes) {
            rows.sort_by_key(|(key, _)| key.iter().map(|byte| byte.cast_signed()).collect::<Vec<i8>>());
        }
        if !forward && !state.has(D::BackwardTakesLowest) {
            rows.reverse();
        }
        if state.has(D::ForwardTakesHighest) {
            rows.drain(..rows.len().saturating_sub(limit));
        }
        rows.truncate(limit);
        if !forward && state.has(D::BackwardTakesLowest) {
            rows.reverse();
        }
        Ok(rows)
    }

    fn delete_batch(&self, keys: &[&[u8]]) -> Result<u64, String> {
        if self.has(D::DeleteOfMissingTakesNoSequence) {
            let now_ns = self.now_ns();
            let state = self.lock();
            if keys.iter().all(|key| state.live(&Id::key(key), now_ns).is_none()) {
                return Ok(state.sequence);
            }
        }
        let taken = if self.has(D::DeleteBatchTakesTheFirst) { 1 } else { usize::MAX };
        self.commit(keys.iter().take(taken).map(|key| Change::delete(Id::key(key))).collect())
    }

    fn current_sequence(&self) -> u64 {
        // The state is locked first: a commit that is announced here is not yet in it.
        let state = self.lock();
        state.sequence + u64::from(self.inner.told_early.load(Ordering::SeqCst))
    }

    fn get_batch(&self, sequence_number: u64) -> Result<Option<Rows>, String> {
        let now_ns = self.now_ns();
        let state = self.lock();
        let Some(pairs) = state.log.get(&sequence_number) else {
            let future = sequence_number > state.sequence && state.has(D::FutureBatchIsEmpty);
            return Ok(future.then(Vec::new));
        };
        if !state.has(D::LogReadsCurrentValues) {
            return Ok(Some(pairs.clone()));
        }
        let current = |(key, _): &(Bytes, Bytes)| {
            state.live(&Id::Key(key.clone()), now_ns).map(|entry| (key.clone(), entry.payload.clone()))
        };
        Ok(Some(pairs.iter().filter_map(current).collect()))
    }

    fn oldest_retained_batch(&self) -> Result<Option<u64>, String> {
        let state = self.lock();
        let oldest = state.log.keys().next().copied();
        Ok(if state.has(D::OldestIsAlwaysOne) { oldest.map(|_| 1) } else { oldest })
    }

    fn prune_batch_log(&self, cutoff_exclusive: u64) -> Result<u64, String> {
        let mut state = self.lock();
        let before = state.log.len();
        let cutoff = match state.has(D::PruneTakesTheCutoffToo) {
            true => cutoff_exclusive.saturating_add(1),
            false => cutoff_exclusive,
        };
        let last = state.log.keys().next_back().copied();
        let kept = last.filter(|_| state.has(D::PruneKeepsTheLast));
        state.log.retain(|sequence, _| *sequence >= cutoff || Some(*sequence) == kept);
        if state.has(D::PruneDropsTheState) {
            state.entries.retain(|_, entry| entry.order.0 >= cutoff);
        }
        if state.has(D::PruneCountsUpToTheCutoff) {
            return Ok(cutoff.saturating_sub(1));
        }
        Ok((before - state.log.len()).try_into().expect("a length fits u64"))
    }

    fn get_many(&self, keys: &[&[u8]]) -> Result<Vec<(Vec<u8>, Option<Vec<u8>>)>, String> {
        self.bury_expired();
        let now_ns = self.now_ns();
        if self.has(D::GetManyIsTorn) {
            // As the provided method does it, with a moment in between.
            return keys
                .iter()
                .map(|key| {
                    let row = (key.to_vec(), self.get(key)?);
                    thread::sleep(A_MOMENT);
                    Ok(row)
                })
                .collect();
        }
        let state = self.lock();
        let value = |key: &[u8]| state.live(&Id::key(key), now_ns).map(|entry| entry.payload.to_vec());
        if state.has(D::GetManySortsKeys) {
            let sorted: BTreeSet<&[u8]> = keys.iter().copied().collect();
            return Ok(sorted.into_iter().map(|key| (key.to_vec(), value(key))).collect());
        }
        Ok(keys.iter().map(|key| (key.to_vec(), value(key))).collect())
    }
}
