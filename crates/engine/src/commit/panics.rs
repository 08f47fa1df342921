//! What a panic of a leader comes to: a result for every job of its group, and never a caller that waits for ever.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::queue::Leader;

/// The results of a group, whatever the leader does.
pub(super) fn results_of<J, R>(jobs: &[J], leader: &dyn Leader<J, R>) -> Vec<R> {
    let count = jobs.len();
    let led = catch_unwind(AssertUnwindSafe(|| {
        let results = leader.lead(jobs);
        assert_eq!(results.len(), count, "one result for each job");
        results
    }));
    led.unwrap_or_else(|panic| {
        let message = panic_message(&*panic);
        (0..count).map(|_| leader.panicked(message)).collect()
    })
}

/// What a panic said.
pub(crate) fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("(it left no message)")
}
