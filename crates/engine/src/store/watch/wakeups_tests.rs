//! Models for loom of waking: nobody sleeps over a commit.

use loom::sync::Arc;
use loom::sync::atomic::{AtomicU64, Ordering};
use loom::thread;

use super::Wakeups;

/// What is published, and who waits for it.
#[derive(Default)]
struct World {
    published: AtomicU64,
    wakeups: Wakeups,
}

impl World {
    fn publish(&self, sequence: u64) {
        self.published.store(sequence, Ordering::Release);
        self.wakeups.ring();
    }

    fn wait_for(&self, sequence: u64) {
        let is_ready = || self.published.load(Ordering::Acquire) >= sequence;
        while !is_ready() {
            self.wakeups.wait(is_ready, None);
        }
    }
}

#[test]
fn loom_whoever_waits_for_a_commit_is_woken_by_it() {
    loom::model(|| {
        let world = Arc::new(World::default());
        let writer = {
            let world = Arc::clone(&world);
            thread::spawn(move || (1..=2).for_each(|sequence| world.publish(sequence)))
        };
        // If a wake-up is lost, loom reports a deadlock.
        world.wait_for(1);
        world.wait_for(2);
        writer.join().unwrap();
    });
}

#[test]
fn loom_the_thread_that_wakes_hears_the_bell_and_ends_when_it_is_stopped() {
    loom::model(|| {
        let world = Arc::new(World::default());
        assert!(world.wakeups.claim() && !world.wakeups.claim());
        let server = {
            let world = Arc::clone(&world);
            thread::spawn(move || world.wakeups.serve())
        };
        let writer = {
            let world = Arc::clone(&world);
            thread::spawn(move || world.publish(1))
        };
        world.wait_for(1);
        writer.join().unwrap();
        world.wakeups.stop();
        server.join().unwrap();
    });
}
