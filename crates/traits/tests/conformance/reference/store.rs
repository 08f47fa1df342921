//! The reference store itself: the state behind a lock, the clock, and what the interfaces share.

use std::io::{Error, ErrorKind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Poll;

use pentad_traits::conformance::Limits;
use pentad_traits::conformance::kv_backend::OptionLimits;

use super::state::{Change, Deadline, Id, State};
use crate::defect::Defect as D;

/// Nanoseconds, set forward by the factory.
pub(crate) type Clock = Arc<AtomicU64>;

#[derive(Clone, Debug)]
pub(crate) struct Store {
    pub(crate) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) state: Mutex<State>,
    pub(crate) clock: Clock,
    pub(crate) limits: Limits,
    pub(crate) options: OptionLimits,
    pub(crate) unanswered: bool,
    /// Whether a commit is announced that is not there yet, which only a defect does.
    pub(crate) told_early: AtomicBool,
}

impl Store {
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().expect("no thread panics while it holds the state")
    }

    pub(crate) fn has(&self, defect: D) -> bool {
        self.lock().has(defect)
    }

    pub(crate) fn now_ns(&self) -> u64 {
        self.inner.clock.load(Ordering::SeqCst)
    }

    pub(crate) fn deadline(&self, ttl_ns: u64) -> Deadline {
        let at_ns = match self.has(D::TtlOverflowWraps) {
            true => self.now_ns().wrapping_add(ttl_ns),
            false => self.now_ns().saturating_add(ttl_ns),
        };
        Deadline { at_ns, ttl_ns }
    }

    /// Checks the changes and commits them; the message when they are refused.
    pub(crate) fn commit(&self, changes: Vec<Change>) -> Result<u64, String> {
        let now_ns = self.now_ns();
        let mut state = self.lock();
        if let Err(message) = state.check(&changes, &self.inner.limits) {
            if state.has(D::BadBatchWritesItsBeginning) {
                let limits = &self.inner.limits;
                let good =
                    changes.iter().take_while(|change| state.check(&[(*change).clone()], limits).is_ok());
                let good: Vec<Change> = good.cloned().collect();
                state.commit(good, now_ns);
            }
            if state.has(D::RefusalTakesSequence) {
                state.sequence += 1;
            }
            return Err(message);
        }
        Ok(state.commit(changes, now_ns))
    }

    /// A swap, as `KvBackend` and `ClientApi` have it.
    pub(crate) async fn swap(&self, key: &[u8], expected: Option<&[u8]>, new: &[u8]) -> Result<bool, String> {
        yield_once().await;
        let id = Id::key(key);
        let now_ns = self.now_ns();
        let (hit, deadline) = {
            let mut state = self.lock();
            let found = match state.has(D::SwapSeesExpired) {
                true => state.entries.get(&id),
                false => state.live(&id, now_ns),
            };
            let value = found.map(|entry| entry.payload.clone());
            let hit = match (expected, value.as_deref()) {
                (None, Some(b"")) if state.has(D::SwapTakesEmptyForAbsent) => true,
                (None, _) if state.has(D::SwapFromNoneAlwaysHits) => true,
                (Some(_), Some(_)) if state.has(D::SwapIgnoresExpected) => true,
                (expected, value) => expected == value,
            };
            let deadline = found.and_then(|entry| entry.deadline).filter(|_| state.has(D::SwapKeepsDeadline));
            if !hit
                && state.has(D::MissedSwapClearsDeadline)
                && let Some(entry) = state.entries.get_mut(&id)
            {
                entry.deadline = None;
            }
            (hit, deadline)
        };
        if !hit {
            // A refusal of the new value comes first, as it does when the swap hits.
            return self.lock().check(&[Change::put(id, new)], &self.inner.limits).map(|()| false);
        }
        if self.has(D::SwapIsInTwoSteps) {
            yield_once().await;
        }
        // Nothing comes between: without the defect there is no await since the value was compared, and the suites
        // poll all futures of one store on one thread.
        self.commit(vec![Change { deadline, ..Change::put(id, new) }]).map(|_| true)
    }

    /// What is wrong with the arguments, as `std::io` says it.
    pub(crate) fn invalid(&self, message: impl Into<String>) -> Error {
        Error::new(ErrorKind::InvalidInput, message.into())
    }

    /// A key in a message.
    pub(crate) fn shown(&self, key: &[u8]) -> String {
        if self.has(D::MessagesAreRaw) {
            return String::from_utf8_lossy(key).into_owned();
        }
        let shown: Vec<u8> = key.iter().take(64).flat_map(|byte| byte.escape_ascii()).collect();
        String::from_utf8(shown).expect("escaped bytes are ASCII")
    }
}

/// Gives the executor a turn, as an implementation does that waits for a disk or a network.
pub(crate) async fn yield_once() {
    let mut yielded = false;
    std::future::poll_fn(|context| {
        if yielded {
            return Poll::Ready(());
        }
        yielded = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
