//! `docs/guarantees.md` against the tests: every promise names tests, and each of them exists and runs.
//!
//! A promise is a row of a table whose last column is headed `verified by`; that cell holds names of tests in backticks.

use crate::faults::test_names::Test;
use crate::finding::Finding;
use crate::tidy::Tree;

const PAGE: &str = "docs/guarantees.md";
const COLUMN: &str = "verified by";
const RULE: &str = "guarantees";

/// What the page promises without proof.
pub(crate) fn findings(tree: &Tree, tests: &[Test]) -> Vec<Finding> {
    let finding = |line: usize, what: String, mend: &str| Finding::new(RULE, PAGE, line, what, mend);
    let Some(page) = tree.file(PAGE) else {
        return vec![finding(
            1,
            "the page is not there".to_owned(),
            "say what the store promises, and since which test",
        )];
    };
    let mut found = Vec::new();
    let mut promises = 0;
    let mut in_table = false;
    for (line, text) in (1..).zip(page.text.lines()) {
        let Some(last) = last_cell(text) else {
            in_table = false;
            continue;
        };
        if last == COLUMN {
            in_table = true;
            continue;
        }
        if !in_table || last.bytes().all(|byte| matches!(byte, b'-' | b':')) {
            continue;
        }
        promises += 1;
        let names: Vec<&str> = last.split('`').skip(1).step_by(2).collect();
        if names.is_empty() {
            found.push(finding(
                line,
                "a promise names no test".to_owned(),
                "name one, or move it to what is not promised",
            ));
        }
        for name in names {
            let of_name = || tests.iter().filter(|test| test.name == name);
            if of_name().next().is_none() {
                found.push(finding(line, format!("there is no test `{name}`"), "name one that shows it"));
            } else if of_name().all(|test| test.ignored) {
                found.push(finding(
                    line,
                    format!("`{name}` is ignored, so it shows nothing"),
                    "name one that runs",
                ));
            }
        }
    }
    if promises == 0 {
        let what = format!("no table has a column `{COLUMN}`");
        found.push(finding(1, what, "put the promises into one"));
    }
    found
}

/// The last cell of a row of a table; `None` for other text.
fn last_cell(line: &str) -> Option<&str> {
    let row = line.trim().strip_prefix('|')?.strip_suffix('|')?;
    row.rsplit('|').next().map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::{PAGE, findings};
    use crate::faults::test_names::Test;
    use crate::tidy::Tree;

    fn whats(rows: &str) -> Vec<String> {
        let page = format!("# A\n\n| promise | verified by |\n| --- | :-- |\n{rows}");
        let test =
            |name: &str, ignored| Test { name: name.to_owned(), path: "a.rs".to_owned(), line: 1, ignored };
        let tests = [test("f01_x", false), test("f01_slow", true)];
        let found = findings(&Tree::of(&[(PAGE, &page)]), &tests);
        found.into_iter().map(|finding| format!("{}: {}", finding.line, finding.what)).collect()
    }

    #[test]
    fn a_promise_with_tests_that_exist_passes() {
        assert_eq!(whats("| `Disk` survives | `f01_x`, `f01_x` |\n\n| not | a promise |\n"), [""; 0]);
    }

    #[test]
    fn a_promise_without_a_test_or_with_one_that_is_not_there_is_found() {
        assert_eq!(whats("| `f01_x` | surely |\n"), ["5: a promise names no test"]);
        assert_eq!(whats("| a | `f01_x`, `f01_y` |\n"), ["5: there is no test `f01_y`"]);
        assert_eq!(whats("| a | `f01_slow` |\n"), ["5: `f01_slow` is ignored, so it shows nothing"]);
    }

    #[test]
    fn a_page_without_promises_is_found() {
        assert_eq!(whats(""), ["1: no table has a column `verified by`"]);
        assert_eq!(findings(&Tree::of(&[]), &[])[0].what, "the page is not there");
    }
}
