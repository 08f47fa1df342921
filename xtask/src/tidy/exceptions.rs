//! The only place where a file is excused from a rule.
//!
//! Invariant: every exception is needed. One that excuses nothing is a finding itself, so the list cannot outlive its
//! reasons.

use crate::finding::Finding;

/// A file that may break a rule.
#[derive(Debug)]
pub(crate) struct Exception {
    rule: &'static str,
    path: &'static str,
    reason: &'static str,
}

/// All of them.
pub(crate) const EXCEPTIONS: &[Exception] = &[
    Exception {
        rule: "unsafe",
        path: "crates/engine/src/seams/mapping.rs",
        reason: "maps files into memory; every block is behind the safe interface of this one file",
    },
    Exception {
        rule: "unsafe",
        path: "crates/engine/src/seams/private_map.rs",
        reason: "maps checkpoints into memory, copy on write; every block is behind the safe interface of this one file",
    },
    Exception {
        rule: "unsafe",
        path: "crates/engine/src/seams/bus_error.rs",
        reason: "installs a signal handler; every block is behind the safe interface of this one file",
    },
    Exception {
        rule: "unsafe",
        path: "crates/engine/src/seams/fields.rs",
        reason: "vector instructions, which the language lets be called in such blocks alone; one block",
    },
    Exception {
        rule: "forbid-unsafe",
        path: "crates/engine/src/lib.rs",
        reason: "the engine owns the files above; its lint level is `deny`, which they lift",
    },
    Exception {
        rule: "unsafe",
        path: "bench/src/mapped.rs",
        reason: "the bare limit of the benchmarks reads a mapped file and prefetches; no part of the store",
    },
    Exception {
        rule: "unsafe",
        path: "bench/src/engines/lmdb/environment.rs",
        reason: "opening LMDB is unsafe in heed's interface; the benchmarks only, no part of the store",
    },
];

/// Takes away what is excused, and adds what is excused in vain.
pub(crate) fn apply(exceptions: &[Exception], found: Vec<Finding>) -> Vec<Finding> {
    let excuses = |exception: &Exception, finding: &Finding| {
        exception.rule == finding.rule && exception.path == finding.path
    };
    let unneeded =
        exceptions.iter().filter(|exception| !found.iter().any(|finding| excuses(exception, finding)));
    let mut left: Vec<Finding> = unneeded
        .map(|exception| {
            let what = format!("breaks `{}` no more, but is excused ({})", exception.rule, exception.reason);
            Finding::new(
                "exceptions",
                exception.path,
                1,
                what,
                "remove the row from xtask/src/tidy/exceptions.rs",
            )
        })
        .collect();
    left.extend(
        found.into_iter().filter(|finding| !exceptions.iter().any(|exception| excuses(exception, finding))),
    );
    left
}

#[cfg(test)]
mod tests {
    use super::{Exception, apply};
    use crate::finding::Finding;

    const ONE: &[Exception] = &[Exception { rule: "unsafe", path: "a.rs", reason: "because" }];

    fn found(rule: &'static str, path: &str) -> Finding {
        Finding::new(rule, path, 3, "what", "mend")
    }

    #[test]
    fn only_the_named_rule_in_the_named_file_is_excused() {
        let all = vec![found("unsafe", "a.rs"), found("length", "a.rs"), found("unsafe", "b.rs")];
        assert_eq!(apply(ONE, all), [found("length", "a.rs"), found("unsafe", "b.rs")]);
    }

    #[test]
    fn an_exception_that_excuses_nothing_is_found() {
        let left = apply(ONE, Vec::new());
        assert!(
            left.len() == 1 && left[0].rule == "exceptions" && left[0].what.contains("because"),
            "{left:?}"
        );
    }
}
