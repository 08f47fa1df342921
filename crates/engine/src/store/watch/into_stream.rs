//! A watch for those who take events with the combinators of asynchronous streams.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;

use super::event::WatchEvent;
use super::stream::Watch;
use crate::error::Result;

/// A [`Watch`] as an asynchronous stream, for any runtime or none. It is a type of its own because a watch is an iterator, and
/// `next` can have one meaning only.
#[derive(Debug)]
pub struct WatchStream(Watch);

impl Watch {
    /// The same watch as a [`Stream`], which ends where the watch is over.
    ///
    /// ```
    /// use std::pin::pin;
    /// use std::task::{Context, Poll, Waker};
    ///
    /// use futures_core::Stream as _;
    /// use pentad_engine::{WatchEvent, WatchFilter};
    /// # let dir = tempfile::tempdir()?;
    /// # let store = pentad_engine::Store::open(dir.path())?;
    ///
    /// store.put("user:1", "Ada")?;
    /// let mut stream = pin!(store.watch(WatchFilter::All, store.oldest_batch())?.into_stream());
    /// let mut context = Context::from_waker(Waker::noop());
    /// let Poll::Ready(Some(Ok(WatchEvent::Commit(commit)))) = stream.as_mut().poll_next(&mut context) else {
    ///     panic!("there is a commit");
    /// };
    /// assert_eq!(commit.changes[0].value.as_deref(), Some(&b"Ada"[..]));
    /// assert!(stream.as_mut().poll_next(&mut context).is_pending(), "nothing has happened since");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn into_stream(self) -> WatchStream {
        WatchStream(self)
    }
}

impl WatchStream {
    /// The watch, to ask where it stands or to go on after something was lost.
    pub fn watch(&mut self) -> &mut Watch {
        &mut self.0
    }
}

impl Stream for WatchStream {
    type Item = Result<WatchEvent>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_next(context)
    }
}
