//! Driving futures without a runtime: one to its end, two side by side, one a single step.
//!
//! Nothing here depends on how an implementation makes its futures, only on their wakers being called.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

/// Runs `future` to its end on the calling thread, which sleeps while there is nothing to do.
///
/// It offers no timer and no I/O: fit for implementations that bring their own threads, as a local store does.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            // A wake between poll and park is not lost: it makes the park return at once.
            Poll::Pending => thread::park(),
        }
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs both futures to their ends, polling them in turn.
pub(crate) async fn both<A, B>(first: impl Future<Output = A>, second: impl Future<Output = B>) -> (A, B) {
    let (mut first, mut second) = (pin!(first), pin!(second));
    let (mut first_output, mut second_output) = (None, None);
    std::future::poll_fn(|context| {
        poll_into(&mut first_output, first.as_mut(), context);
        poll_into(&mut second_output, second.as_mut(), context);
        match (first_output.is_some(), second_output.is_some()) {
            (true, true) => Poll::Ready(()),
            _ => Poll::Pending,
        }
    })
    .await;
    (first_output.expect("the first future has ended"), second_output.expect("the second future has ended"))
}

/// Runs all futures to their ends, polling them in turn; their outputs in the same order.
pub(crate) async fn all<T, F: Future<Output = T>>(futures: impl IntoIterator<Item = F>) -> Vec<T> {
    let mut futures: Vec<(Pin<Box<F>>, Option<T>)> =
        futures.into_iter().map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|context| {
        for (future, output) in &mut futures {
            poll_into(output, future.as_mut(), context);
        }
        if futures.iter().all(|(_, output)| output.is_some()) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    futures.into_iter().map(|(_, output)| output.expect("every future has ended")).collect()
}

fn poll_into<T>(
    output: &mut Option<T>,
    future: Pin<&mut impl Future<Output = T>>,
    context: &mut Context<'_>,
) {
    if output.is_none()
        && let Poll::Ready(ready) = future.poll(context)
    {
        *output = Some(ready);
    }
}

/// Polls `future` once, then drops it.
pub(crate) async fn poll_once_and_drop(future: impl Future) {
    let mut future = pin!(future);
    std::future::poll_fn(|context| {
        // Whether it is ready is of no interest: the caller finds out what became of it.
        let _ready = future.as_mut().poll(context).is_ready();
        Poll::Ready(())
    })
    .await;
}

/// Lets the other futures of [`both`] and [`all`] go on.
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
