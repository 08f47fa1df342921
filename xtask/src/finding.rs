//! What a check found: a place, what is wrong there, and how to mend it. One finding is one line of output.

use std::fmt;

use crate::error::{Error, Result};

/// One defect at one place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    /// From the root of the workspace, with `/`.
    pub(crate) path: String,
    /// Counted from 1.
    pub(crate) line: usize,
    /// The rule's short name, by which exceptions refer to it.
    pub(crate) rule: &'static str,
    /// What is wrong.
    pub(crate) what: String,
    /// How to mend it.
    pub(crate) mend: String,
}

impl Finding {
    /// A finding of `rule` at a place.
    pub(crate) fn new(
        rule: &'static str,
        path: &str,
        line: usize,
        what: impl Into<String>,
        mend: impl Into<String>,
    ) -> Self {
        Self { path: path.to_owned(), line, rule, what: what.into(), mend: mend.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}: {}: {}", self.path, self.line, self.rule, self.what, self.mend)
    }
}

/// Prints the findings in order of place; an error when there are any.
pub(crate) fn settle(check: &'static str, mut findings: Vec<Finding>) -> Result<()> {
    findings.sort();
    for finding in &findings {
        println!("{finding}");
    }
    if findings.is_empty() { Ok(()) } else { Err(Error::Findings { check, count: findings.len() }) }
}

#[cfg(test)]
mod tests {
    use super::{Finding, settle};

    #[test]
    fn a_finding_reads_as_place_rule_defect_and_mend() {
        let finding = Finding::new("length", "crates/a/src/b.rs", 501, "501 lines", "split it");
        assert_eq!(finding.to_string(), "crates/a/src/b.rs:501: length: 501 lines: split it");
    }

    #[test]
    fn findings_are_an_error_and_none_are_not() {
        assert!(settle("tidy", Vec::new()).is_ok());
        let error = settle("tidy", vec![Finding::new("names", "a.rs", 1, "x", "y")]).unwrap_err();
        assert_eq!(error.to_string(), "tidy: 1 finding(s), listed above");
    }
}
