//! Cases and tests put together: the table for people, and what is missing.

use std::fmt::Write as _;

use crate::error::Result;
use crate::faults::cases::{CASES, Case, Due};
use crate::faults::guarantees;
use crate::faults::test_names::{Test, of_tree};
use crate::finding::{Finding, settle};
use crate::tidy::Tree;
use crate::workspace::Workspace;

/// More names than this are counted only.
const NAMES_SHOWN: usize = 6;
/// Where a finding about the table points.
const TABLE: &str = "xtask/src/faults/cases.rs";

/// Checks the cases and the page of promises.
pub(crate) fn check(workspace: &Workspace) -> Result<String> {
    examine(&Tree::of_git(workspace.root())?)
}

/// The same, with the table of all cases printed first.
pub(crate) fn report(workspace: &Workspace) -> Result<String> {
    let tree = Tree::of_git(workspace.root())?;
    println!("{}", table(CASES, &of_cases(&of_tree(&tree))));
    examine(&tree)
}

fn examine(tree: &Tree) -> Result<String> {
    let all = of_tree(tree);
    let tests = of_cases(&all);
    let mut found = findings(CASES, &tests);
    found.extend(guarantees::findings(tree, &all));
    settle("faults", found)?;
    let due = CASES.iter().filter(|case| case.due == Due::Now).count();
    Ok(format!(
        "{due} of {} cases due, {} tests",
        CASES.len(),
        tests.iter().filter(|test| !test.ignored).count()
    ))
}

/// The tests that name a case. Those of the tasks themselves are not about the store.
fn of_cases(tests: &[Test]) -> Vec<Test> {
    let about_a_case = |test: &&Test| test.path.starts_with("crates/") && !test.ids().is_empty();
    tests.iter().filter(about_a_case).cloned().collect()
}

/// What is wrong: a case that is due has no test that runs, one that is not due has one, or a name has an id that does not exist.
fn findings(cases: &[Case], tests: &[Test]) -> Vec<Finding> {
    let mut found = Vec::new();
    for case in cases {
        let ran = tests.iter().find(|test| !test.ignored && test.ids().contains(&case.id));
        match (case.due, ran) {
            (Due::Now, None) => {
                let what = format!("F{:02} ({}) has no test that runs", case.id, case.about);
                let mend = format!("write one whose name holds `f{:02}`", case.id);
                found.push(Finding::new("case", TABLE, 1, what, mend));
            }
            (Due::Later(reason), Some(test)) => {
                let what = format!("the test is of F{:02}, which is not due ({reason})", case.id);
                found.push(Finding::new(
                    "case",
                    &test.path,
                    test.line,
                    what,
                    format!("mark the case due in {TABLE}"),
                ));
            }
            _ => {}
        }
    }
    for test in tests {
        for id in test.ids().into_iter().filter(|id| cases.iter().all(|case| case.id != *id)) {
            let what = format!("`{}` names F{id:02}, and there is no such case", test.name);
            found.push(Finding::new("id", &test.path, test.line, what, format!("name a case of {TABLE}")));
        }
    }
    found
}

/// One paragraph per case: what it is, how many tests it has, the first of them, and what is open.
fn table(cases: &[Case], tests: &[Test]) -> String {
    let mut text = String::new();
    for case in cases {
        let of_case = |ignored: bool| {
            let wanted = move |test: &&Test| test.ignored == ignored && test.ids().contains(&case.id);
            tests.iter().filter(wanted).map(|test| test.name.as_str()).collect::<Vec<_>>()
        };
        let (run, ignored) = (of_case(false), of_case(true));
        let count = match (case.due, run.len()) {
            (Due::Later(reason), _) => format!("not due: {reason}"),
            (Due::Now, 0) => "NO TEST".to_owned(),
            (Due::Now, 1) => "1 test".to_owned(),
            (Due::Now, count) => format!("{count} tests"),
        };
        let line =
            |text: &mut String, line: &str| writeln!(text, "     {line}").expect("writing to a string");
        writeln!(text, "F{:02}  {:<78} {count}", case.id, case.about).expect("writing to a string");
        for name in run.iter().take(NAMES_SHOWN) {
            line(&mut text, name);
        }
        if run.len() > NAMES_SHOWN {
            line(&mut text, &format!("and {} more", run.len() - NAMES_SHOWN));
        }
        for name in ignored {
            line(&mut text, &format!("ignored: {name}"));
        }
        for open in case.open {
            line(&mut text, &format!("open: {open}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{CASES, Case, Due, Test, findings, of_cases, table};

    const TWO: &[Case] = &[
        Case { id: 1, about: "first", due: Due::Now, open: &["a part"] },
        Case { id: 2, about: "second", due: Due::Later("no subject yet"), open: &[] },
    ];

    fn test(name: &str) -> Test {
        Test { name: name.to_owned(), path: "crates/a/tests/b.rs".to_owned(), line: 7, ignored: false }
    }

    fn whats(tests: &[Test]) -> Vec<String> {
        findings(TWO, tests).into_iter().map(|finding| finding.what).collect()
    }

    #[test]
    fn a_due_case_without_a_test_that_runs_is_found() {
        assert_eq!(whats(&[test("f01_x")]), [""; 0]);
        assert_eq!(whats(&[]), ["F01 (first) has no test that runs"]);
        let ignored = Test { ignored: true, ..test("f01_x") };
        assert_eq!(whats(&[ignored]), ["F01 (first) has no test that runs"]);
    }

    #[test]
    fn a_test_of_a_case_that_is_not_due_or_not_there_is_found() {
        assert_eq!(whats(&[test("f01_f02_x")]), ["the test is of F02, which is not due (no subject yet)"]);
        assert_eq!(whats(&[test("f01_f03_x")]), ["`f01_f03_x` names F03, and there is no such case"]);
    }

    #[test]
    fn every_id_in_a_name_counts_for_its_case() {
        let both = Case { due: Due::Now, ..TWO[1] };
        assert!(findings(&[TWO[0], both], &[test("f01_f02_x")]).is_empty());
    }

    #[test]
    fn the_tasks_own_tests_count_for_no_case() {
        let own = Test { path: "xtask/src/faults/coverage.rs".to_owned(), ..test("f01_x") };
        assert_eq!(of_cases(&[own, test("f01_y"), test("other")]), [test("f01_y")]);
    }

    #[test]
    fn the_table_counts_all_names_some_and_hides_nothing_that_is_open() {
        let mut tests: Vec<Test> = (0..8).map(|n| test(&format!("f01_{n}"))).collect();
        tests.push(Test { ignored: true, ..test("f01_slow") });
        let text = table(TWO, &tests);
        assert!(text.contains("8 tests\n     f01_0\n"), "{text}");
        assert!(
            text.contains("f01_5\n     and 2 more\n     ignored: f01_slow\n     open: a part\n"),
            "{text}"
        );
        assert!(text.contains("not due: no subject yet"), "{text}");
        assert!(table(TWO, &[]).contains("NO TEST"));
    }

    #[test]
    fn the_cases_are_numbered_without_a_hole() {
        let ids: Vec<u32> = CASES.iter().map(|case| case.id).collect();
        assert_eq!(ids, (1..=25).collect::<Vec<u32>>());
    }
}
