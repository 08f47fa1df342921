//! A model of publication for loom.

use loom::sync::Arc;
use loom::sync::atomic::{AtomicU64, Ordering};
use loom::thread;

use super::Published;
use crate::numbers::{LogOffset, Sequence};

#[test]
fn loom_whoever_sees_a_sequence_finds_its_commit_and_its_end_of_the_log() {
    loom::model(|| {
        let published = Arc::new(Published::new(Sequence(0), LogOffset(100)));
        // Stands for the indexes and the batch log, which know nothing of orderings here.
        let indexed = Arc::new(AtomicU64::new(0));
        let (publisher, index) = (Arc::clone(&published), Arc::clone(&indexed));
        let writer = thread::spawn(move || {
            for sequence in 1..=2 {
                index.store(sequence, Ordering::Relaxed);
                publisher.publish(Sequence(sequence), LogOffset(100 + sequence));
            }
        });
        let reader = thread::spawn(move || {
            let mut last = 0;
            for _ in 0..2 {
                let Sequence(seen) = published.sequence();
                assert!(seen >= last, "the sequence went back from {last} to {seen}");
                last = seen;
                assert!(indexed.load(Ordering::Relaxed) >= seen, "commit {seen} is seen and not there");
                assert!(published.tail().0 >= 100 + seen, "commit {seen} is behind the end of the log");
            }
        });
        writer.join().unwrap();
        reader.join().unwrap();
    });
}

#[test]
fn loom_the_two_numbers_are_of_one_commit() {
    loom::model(|| {
        let published = Arc::new(Published::new(Sequence(0), LogOffset(100)));
        let publisher = Arc::clone(&published);
        let writer = thread::spawn(move || {
            for sequence in 1..=2 {
                publisher.publish(Sequence(sequence), LogOffset(100 + sequence));
            }
        });
        let reader = thread::spawn(move || {
            let (sequence, tail) = published.both();
            assert_eq!(tail.0, 100 + sequence.0, "half of a commit is published");
        });
        writer.join().unwrap();
        reader.join().unwrap();
    });
}
