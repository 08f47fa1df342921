//! Work that waits for the disk, on a thread for its time, with its result as a plain future.
//!
//! The invariant: whoever polls never waits, and a future always ends, also when the work panics. Dropping the future
//! does not stop the thread, but tells it: what it made is dropped with the result.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread;

/// The result of work on another thread.
#[derive(Debug)]
pub(super) struct Handoff<T> {
    shared: Arc<Shared<T>>,
    name: &'static str,
}

/// What the work can find out about its caller.
#[derive(Debug)]
pub(super) struct Caller<T> {
    shared: Arc<Shared<T>>,
}

#[derive(Debug)]
struct Shared<T> {
    state: Mutex<State<T>>,
}

#[derive(Debug)]
struct State<T> {
    result: Option<T>,
    /// The thread has ended, with a result or without.
    ended: bool,
    waker: Option<Waker>,
}

impl<T> Shared<T> {
    /// The state is whole between any two statements, so a panic elsewhere does not spoil it.
    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts `work` on a thread called `name`.
///
/// # Errors
///
/// When the operating system gives no thread.
pub(super) fn on_thread<T: Send + 'static>(
    name: &'static str,
    work: impl FnOnce(&Caller<T>) -> T + Send + 'static,
) -> io::Result<Handoff<T>> {
    let state = State { result: None, ended: false, waker: None };
    let shared = Arc::new(Shared { state: Mutex::new(state) });
    let caller = Caller { shared: Arc::clone(&shared) };
    thread::Builder::new().name(name.to_owned()).spawn(move || {
        let result = work(&caller);
        caller.shared.state().result = Some(result);
    })?;
    Ok(Handoff { shared, name })
}

impl<T> Caller<T> {
    /// Whether nobody waits for the result any more.
    pub(super) fn is_gone(&self) -> bool {
        Arc::strong_count(&self.shared) == 1
    }
}

impl<T> Drop for Caller<T> {
    /// Runs when the work is done, and when it panicked.
    fn drop(&mut self) {
        let mut state = self.shared.state();
        state.ended = true;
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl<T> Future for Handoff<T> {
    /// An error when the work panicked.
    type Output = io::Result<T>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.shared.state();
        if let Some(result) = state.result.take() {
            return Poll::Ready(Ok(result));
        }
        if state.ended {
            let text = format!("the thread {} ended without a result", self.name);
            return Poll::Ready(Err(io::Error::other(text)));
        }
        state.waker = Some(context.waker().clone());
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use pentad_traits::conformance::block_on;

    use super::on_thread;

    #[test]
    fn the_result_arrives_whether_it_is_there_before_the_poll_or_after() {
        let (release, released) = mpsc::channel::<()>();
        let late = on_thread("late", move |_| released.recv().map(|()| 1)).unwrap();
        let waiter = std::thread::spawn(move || block_on(late));
        release.send(()).unwrap();
        assert_eq!(waiter.join().unwrap().unwrap(), Ok(1));

        let (ending, ended) = mpsc::channel::<()>();
        let early = on_thread("early", move |_| {
            drop(ending);
            2
        })
        .unwrap();
        assert!(ended.recv().is_err());
        assert_eq!(block_on(early).unwrap(), 2);
    }

    #[test]
    fn a_panic_in_the_work_is_an_error_and_not_a_wait_for_ever() {
        let handoff = on_thread::<()>("doomed", |_| panic!("a planned panic of the test")).unwrap();
        let error = block_on(handoff).unwrap_err();
        assert_eq!(error.to_string(), "the thread doomed ended without a result");
    }

    #[test]
    fn the_work_learns_that_its_caller_is_gone() {
        let (tell, told) = mpsc::channel();
        let (ask, asked) = mpsc::channel::<()>();
        let handoff = on_thread("abandoned", move |caller| {
            tell.send(caller.is_gone()).unwrap();
            asked.recv().unwrap();
            tell.send(caller.is_gone()).unwrap();
        })
        .unwrap();
        assert!(!told.recv().unwrap());
        drop(handoff);
        ask.send(()).unwrap();
        assert!(told.recv().unwrap());
    }
}
