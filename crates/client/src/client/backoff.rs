//! How long to wait before the next attempt: longer each time, and never in step with other clients.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(10);
const LONGEST: Duration = Duration::from_millis(500);

/// Waits of one call, or of one node.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Backoff {
    attempts: u32,
}

impl Backoff {
    /// The next wait: about twice the one before, between half and the whole of that.
    pub(super) fn next(&mut self) -> Duration {
        let whole = FIRST.saturating_mul(1 << self.attempts.min(16)).min(LONGEST);
        self.attempts += 1;
        let mut random = [0];
        // Without randomness clients would only be in step: the wait is still right.
        let _in_step = getrandom::fill(&mut random);
        whole / 2 + whole / 2 * u32::from(random[0]) / 256
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_up_to_a_bound() {
        let mut backoff = Backoff::default();
        let waits: Vec<_> = (0..40).map(|_| backoff.next()).collect();
        assert!(waits[0] >= FIRST / 2 && waits[0] <= FIRST);
        assert!(waits[3] >= FIRST * 4);
        assert!(waits.iter().all(|wait| *wait <= LONGEST) && waits[39] >= LONGEST / 2);
    }
}
