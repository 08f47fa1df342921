//! Models for loom of pinned views: what a snapshot sees is not dropped, whenever it is taken and given back.

use loom::sync::Arc;
use loom::sync::atomic::{AtomicU64, Ordering};
use loom::thread;

use super::Pins;
use crate::index::View;
use crate::numbers::{LogOffset, Sequence, Timestamp};
use crate::store::published::Published;

/// A store of one key that every commit overwrites.
struct Overwritten {
    published: Published,
    pins: Pins,
    /// The oldest version that is still there. The index orders it by its own locks; here nothing does.
    oldest: AtomicU64,
}

impl Overwritten {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            published: Published::new(Sequence(1), LogOffset(0)),
            pins: Pins::new(Sequence(0)),
            oldest: AtomicU64::new(1),
        })
    }

    fn view(&self) -> View {
        View { sequence: self.published.sequence(), ..View::default() }
    }

    /// A commit, and what the leader drops after it: all versions below the one that the oldest view sees.
    fn commit(&self, sequence: u64) {
        self.published.publish(Sequence(sequence), LogOffset(0));
        let horizon = self.pins.horizon(|| self.view());
        self.oldest.fetch_max(horizon.sequence.0, Ordering::Relaxed);
    }

    fn assert_sees(&self, view: View) {
        let oldest = self.oldest.load(Ordering::Relaxed);
        assert!(
            oldest <= view.sequence.0,
            "the view of {} has lost its version: {oldest} is left",
            view.sequence
        );
    }
}

#[test]
fn loom_f12_a_pinned_view_keeps_what_it_sees_until_it_is_given_back() {
    loom::model(|| {
        let store = Overwritten::new();
        let writer = {
            let store = Arc::clone(&store);
            thread::spawn(move || (2..=3).for_each(|sequence| store.commit(sequence)))
        };
        let view = store.pins.pin(|| store.view());
        store.assert_sees(view);
        store.pins.repeat(view);
        store.pins.unpin(view);
        store.assert_sees(view);
        writer.join().unwrap();
        store.assert_sees(view);
        store.pins.unpin(view);
        assert_eq!(store.pins.count(), 0);
        store.commit(4);
        assert_eq!(store.oldest.load(Ordering::Relaxed), 4, "what nobody pins any more goes");
    });
}

#[test]
fn loom_f12_a_view_of_the_past_is_had_whole_or_not_at_all() {
    loom::model(|| {
        let store = Overwritten::new();
        store.pins.begin_history(store.view());
        let writer = {
            let store = Arc::clone(&store);
            thread::spawn(move || {
                store.commit(2);
                store.pins.begin_history(store.view());
                store.commit(3);
                store.pins.end_history(Sequence(4));
                store.commit(4);
            })
        };
        let past = View { sequence: Sequence(1), ..View::default() };
        if store.pins.pin_within(past, Timestamp(0)) {
            store.assert_sees(past);
            writer.join().unwrap();
            store.assert_sees(past);
            store.pins.unpin(past);
        } else {
            writer.join().unwrap();
        }
        assert!(!store.pins.pin_within(past, Timestamp(0)) && store.pins.count() == 0);
        store.commit(5);
        assert_eq!(store.oldest.load(Ordering::Relaxed), 5, "there is no history any more");
    });
}

#[test]
fn loom_f12_views_pinned_by_two_threads_are_given_back_one_by_one() {
    loom::model(|| {
        let store = Overwritten::new();
        let other = {
            let store = Arc::clone(&store);
            thread::spawn(move || {
                let view = store.pins.pin(|| store.view());
                store.assert_sees(view);
                store.pins.unpin(view);
            })
        };
        let view = store.pins.pin(|| store.view());
        store.commit(2);
        store.assert_sees(view);
        store.pins.unpin(view);
        other.join().unwrap();
        assert_eq!(store.pins.count(), 0, "every view was given back");
    });
}
