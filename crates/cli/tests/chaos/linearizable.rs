//! Whether a history of one key could have come from a single register: whether there is an order of its operations that
//! keeps to real time and in which every answer is right.
//!
//! The search is that of J. Wing and C. Gong ("Testing and Verifying Concurrent Objects", 1993) with G. Lowe's memory of
//! configurations already tried ("Testing for Linearizability", 2016). Keys are independent of each other, and so are checked
//! one by one.
//!
//! What is remembered of a configuration is a number of 128 bits for the operations taken, made of one for each of them (A. Zobrist,
//! "A New Hashing Method", 1970), so that memory grows with the steps of the search and not with their number times the length of the
//! history. Two configurations with one number, should there ever be such, could make a right history look wrong, never a wrong one right.

use std::collections::HashSet;

use crate::history::{Action, Operation, Value};

/// The value after the operation, or `None` when its answer would be wrong here.
fn step(state: Option<Value>, action: Action) -> Option<Option<Value>> {
    match action {
        Action::Put(value) => Some(Some(value)),
        Action::Delete => Some(None),
        Action::Get(read) => (read == state).then_some(state),
        Action::Swap { expected, new, swapped } => {
            let hits = expected == state;
            swapped.is_none_or(|swapped| swapped == hits).then_some(if hits { Some(new) } else { state })
        }
    }
}

/// A call or a return, in the order of time.
#[derive(Clone, Copy, Debug)]
struct Event {
    operation: usize,
    is_call: bool,
    before: usize,
    after: usize,
}

/// The events not yet taken, as a list in which taking one out and putting it back costs a step. Event 0 is its head.
#[derive(Debug)]
struct Events {
    events: Vec<Event>,
    /// For each operation, where its call and its return stand.
    places: Vec<(usize, usize)>,
}

impl Events {
    fn of(operations: &[Operation]) -> Self {
        // At one time calls come first: operations that touch overlap.
        let mut times: Vec<(u64, bool, usize)> = Vec::new();
        for (number, operation) in operations.iter().enumerate() {
            times.push((operation.invoked_ns, false, number));
            times.push((operation.returned_ns.unwrap_or(u64::MAX), true, number));
        }
        times.sort_unstable();
        let mut events = vec![Event { operation: usize::MAX, is_call: true, before: 0, after: 0 }];
        let mut places = vec![(0, 0); operations.len()];
        for (_, is_return, operation) in times {
            let at = events.len();
            events.push(Event { operation, is_call: !is_return, before: at - 1, after: at + 1 });
            if is_return { places[operation].1 = at } else { places[operation].0 = at }
        }
        let last = events.len() - 1;
        events[0].after = if last == 0 { 0 } else { 1 };
        events[last].after = 0;
        events[0].before = last;
        Self { events, places }
    }

    fn take(&mut self, operation: usize) {
        let (call, end) = self.places[operation];
        for at in [call, end] {
            let Event { before, after, .. } = self.events[at];
            self.events[before].after = after;
            self.events[after].before = before;
        }
    }

    fn put_back(&mut self, operation: usize) {
        let (call, end) = self.places[operation];
        for at in [end, call] {
            let Event { before, after, .. } = self.events[at];
            self.events[before].after = at;
            self.events[after].before = at;
        }
    }
}

/// The number of an operation, as good as random. Those of the operations taken, combined by exclusive or, name the set of them.
fn name_of(operation: usize) -> u128 {
    // The output function of SplitMix64 (G. Steele, D. Lea, C. Flood, 2014).
    let mix = |seed: u64| {
        let mut bits = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    };
    let number = 2 * u64::try_from(operation).expect("a history is shorter than that") + 1;
    u128::from(mix(number)) << 64 | u128::from(mix(number + 1))
}

/// Whether there is such an order, for a key that is absent at first.
pub(crate) fn is_linearizable(operations: &[Operation]) -> bool {
    let mut list = Events::of(operations);
    let mut taken = 0_u128;
    let mut tried: HashSet<(u128, Option<Value>)> = HashSet::new();
    let mut state = None;
    let mut steps: Vec<(usize, Option<Value>)> = Vec::new();
    let mut at = list.events[0].after;
    while at != 0 {
        let event = list.events[at];
        let operation = event.operation;
        if event.is_call {
            let next = step(state, operations[operation].action)
                .filter(|next| tried.insert((taken ^ name_of(operation), *next)));
            if let Some(next) = next {
                taken ^= name_of(operation);
                steps.push((operation, state));
                state = next;
                list.take(operation);
                at = list.events[0].after;
            } else {
                at = event.after;
            }
        } else {
            // An operation has returned, and nothing that could come before it explains its answer: another order, then.
            let Some((last, before)) = steps.pop() else { return false };
            state = before;
            taken ^= name_of(last);
            list.put_back(last);
            at = list.events[list.places[last].0].after;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn done(action: Action, invoked_ns: u64, returned_ns: u64) -> Operation {
        Operation { action, invoked_ns, returned_ns: Some(returned_ns) }
    }

    fn open(action: Action, invoked_ns: u64) -> Operation {
        Operation { action, invoked_ns, returned_ns: None }
    }

    #[test]
    fn one_after_the_other_is_right_or_wrong() {
        let put = done(Action::Put(1), 0, 1);
        assert!(is_linearizable(&[]));
        assert!(is_linearizable(&[put, done(Action::Get(Some(1)), 2, 3)]));
        assert!(!is_linearizable(&[put, done(Action::Get(None), 2, 3)]));
        assert!(!is_linearizable(&[put, done(Action::Get(Some(2)), 2, 3)]));
        assert!(is_linearizable(&[put, done(Action::Delete, 2, 3), done(Action::Get(None), 4, 5)]));
    }

    #[test]
    fn what_overlaps_may_be_seen_or_not_but_not_seen_and_then_not() {
        let put = done(Action::Put(1), 0, 10);
        let seen = |value, from| done(Action::Get(value), from, from + 1);
        assert!(is_linearizable(&[put, seen(None, 2), seen(Some(1), 4)]));
        assert!(!is_linearizable(&[put, seen(Some(1), 2), seen(None, 4)]));
    }

    #[test]
    fn a_write_of_unknown_outcome_happens_late_or_never() {
        let put = open(Action::Put(1), 0);
        let seen = |value, from| done(Action::Get(value), from, from + 1);
        assert!(is_linearizable(&[put, seen(None, 2), seen(None, 900)]));
        assert!(is_linearizable(&[put, seen(None, 2), seen(Some(1), 900)]));
        assert!(!is_linearizable(&[put, seen(Some(1), 2), seen(None, 900)]));
        assert!(!is_linearizable(&[open(Action::Put(1), 5), seen(Some(1), 2)]));
    }

    #[test]
    fn of_two_swaps_of_one_value_one_wins() {
        let swap = |new, swapped, from, to| {
            done(Action::Swap { expected: Some(1), new, swapped: Some(swapped) }, from, to)
        };
        let put = done(Action::Put(1), 0, 1);
        assert!(is_linearizable(&[put, swap(2, true, 2, 9), swap(3, false, 3, 8)]));
        assert!(!is_linearizable(&[put, swap(2, true, 2, 9), swap(3, true, 3, 8)]));
        assert!(!is_linearizable(&[put, swap(2, false, 2, 9)]));
        let unknown = open(Action::Swap { expected: Some(1), new: 2, swapped: None }, 2);
        assert!(is_linearizable(&[put, unknown, swap(3, false, 4, 8)]));
        assert!(is_linearizable(&[put, unknown, swap(3, true, 4, 8)]));
    }

    /// Found by another order than the first that comes to mind, many writes in.
    #[test]
    fn a_stale_read_among_many_concurrent_writes_is_found() {
        let mut operations: Vec<Operation> =
            (0..100).map(|number| done(Action::Put(number), 10 * number, 10 * number + 25)).collect();
        operations.push(done(Action::Get(Some(40)), 420, 421));
        assert!(is_linearizable(&operations));
        operations.push(done(Action::Get(Some(30)), 600, 601));
        assert!(!is_linearizable(&operations));
    }

    /// A run of an hour took more memory than there is: what was remembered of each step was as long as the history.
    #[test]
    fn a_long_history_is_checked_in_little_memory() {
        let mut operations: Vec<Operation> =
            (0..200_000).map(|number| done(Action::Put(number), 10 * number, 10 * number + 25)).collect();
        operations.push(open(Action::Put(u64::MAX), 5));
        assert!(is_linearizable(&operations));
        operations.push(done(Action::Get(Some(30)), 600_000, 600_001));
        assert!(!is_linearizable(&operations));
    }
}
