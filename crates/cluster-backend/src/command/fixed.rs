//! What the leader fixes in a write before it is proposed, so that replicas need no clock of their own.

use pentad_client::wire::{Expiry, Write, expiry::When, operation::Kind};

/// Turns every "so long after" of `write` into a time, counted from `now_ns`; saturates.
pub(crate) fn fix_times(write: &mut Write, now_ns: u64) {
    for operation in &mut write.operations {
        let expiry = match &mut operation.kind {
            Some(Kind::Put(put)) => &mut put.expiry,
            Some(Kind::SetExpiry(set)) => &mut set.expiry,
            _ => continue,
        };
        if let Some(Expiry { when: Some(when) }) = expiry
            && let When::AfterNs(after) = *when
        {
            *when = When::AtNs(now_ns.saturating_add(after));
        }
    }
}

#[cfg(test)]
mod tests {
    use pentad_client::wire::{Operation, Put, SetExpiry};

    use super::*;

    #[test]
    fn f18_no_expiry_that_counts_from_a_clock_is_left() {
        let after = |ns| Some(Expiry { when: Some(When::AfterNs(ns)) });
        let at = |ns| Some(Expiry { when: Some(When::AtNs(ns)) });
        let write = |put, set| Write {
            operations: vec![
                Operation { kind: Some(Kind::Put(Put { expiry: put, ..Default::default() })) },
                Operation { kind: Some(Kind::SetExpiry(SetExpiry { expiry: set, ..Default::default() })) },
            ],
            ..Default::default()
        };
        let mut fixed = write(after(5), after(u64::MAX));
        fix_times(&mut fixed, 100);
        assert_eq!(fixed, write(at(105), at(u64::MAX)));

        let mut fixed = write(at(7), None);
        fix_times(&mut fixed, 100);
        assert_eq!(fixed, write(at(7), None));
    }
}
