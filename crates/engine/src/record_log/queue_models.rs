//! Models of the queue for loom: everything that is asked for is done once, in the order of the state, whoever works.

use loom::sync::{Arc, Mutex};
use loom::thread;

use super::Queue;

type Numbers = Queue<u64, u64>;

/// Asks for the next number to be done.
fn ask(queue: &Numbers, urgent: bool) {
    queue.submit(urgent, |next, waiting| {
        waiting.push(*next);
        *next += 1;
    });
}

#[test]
fn loom_a_thread_does_all_that_two_others_ask_for_in_its_order() {
    loom::model(|| {
        let queue = Arc::new(Numbers::new(0));
        let done = Arc::new(Mutex::new(Vec::new()));
        let server = {
            let (queue, done) = (Arc::clone(&queue), Arc::clone(&done));
            thread::spawn(move || queue.serve(|numbers| done.lock().unwrap().extend(numbers), || {}))
        };
        let other = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || ask(&queue, true))
        };
        ask(&queue, true);
        other.join().unwrap();
        queue.close();
        server.join().unwrap();
        assert_eq!(*done.lock().unwrap(), [0, 1]);
    });
}

#[test]
fn loom_without_a_thread_the_callers_do_all_and_one_at_a_time() {
    loom::model(|| {
        let queue = Arc::new(Numbers::new(0));
        let done = Arc::new(Mutex::new(Vec::new()));
        let work = |queue: &Numbers, done: &Mutex<Vec<u64>>| {
            ask(queue, true);
            queue.work_here(|numbers| {
                let mut done = done.try_lock().expect("two work at a time");
                done.extend(numbers);
            });
        };
        let other = {
            let (queue, done) = (Arc::clone(&queue), Arc::clone(&done));
            thread::spawn(move || work(&queue, &done))
        };
        work(&queue, &done);
        other.join().unwrap();
        assert_eq!(*done.lock().unwrap(), [0, 1]);
    });
}

#[test]
fn loom_what_is_held_back_is_done_when_it_is_let_go() {
    loom::model(|| {
        let queue = Arc::new(Numbers::new(0));
        let done = Arc::new(Mutex::new(Vec::new()));
        queue.hold();
        let server = {
            let (queue, done) = (Arc::clone(&queue), Arc::clone(&done));
            thread::spawn(move || queue.serve(|numbers| done.lock().unwrap().push(numbers), || {}))
        };
        ask(&queue, true);
        ask(&queue, true);
        queue.release();
        queue.close();
        server.join().unwrap();
        assert_eq!(*done.lock().unwrap(), [[0, 1]]);
    });
}
