//! A model for loom of store time: whoever learns of a time sees none that is earlier.

use std::sync::Arc as PlainArc;

use loom::sync::Arc;
use loom::sync::atomic::{AtomicU64, Ordering};
use loom::thread;

use super::StoreTime;
use crate::numbers::Timestamp;
use crate::seams::Clock;

/// A wall clock that is set forwards and backwards; the monotonic one stands.
#[derive(Debug)]
struct Wall(AtomicU64);

impl Clock for Wall {
    fn wall_ns(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn monotonic_ns(&self) -> u64 {
        0
    }
}

#[test]
fn loom_f17_store_time_never_runs_backwards_from_thread_to_thread() {
    loom::model(|| {
        let wall = PlainArc::new(Wall(AtomicU64::new(10)));
        let time = Arc::new(StoreTime::new(PlainArc::<Wall>::clone(&wall), Timestamp(0)));
        let told = Arc::new(AtomicU64::new(0));
        let threads = [20, 30].map(|set| {
            let (wall, time, told) = (PlainArc::clone(&wall), Arc::clone(&time), Arc::clone(&told));
            thread::spawn(move || {
                wall.0.store(set, Ordering::Relaxed);
                let before = told.load(Ordering::Acquire);
                let Timestamp(now) = time.now();
                assert!(now >= before, "{now} comes after {before}");
                told.fetch_max(now, Ordering::AcqRel);
            })
        });
        for thread in threads {
            thread.join().unwrap();
        }
        wall.0.store(5, Ordering::Relaxed);
        assert!(
            time.now().0 >= told.load(Ordering::Acquire),
            "the wall clock went back, and the store with it"
        );
    });
}
