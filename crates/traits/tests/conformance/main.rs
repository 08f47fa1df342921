//! The conformance suites, tried on a store that keeps the contract and on the same store with one defect at a time.
//!
//! A suite that finds fault with the reference store, or that misses a defect, fails here; so does a rule that no
//! defect breaks.

mod defect;
mod reference;

use std::collections::BTreeSet;

use defect::{DEFECTS, Defect, Suite};
use pentad_traits::conformance::{
    Report, Verdict, block_on, client_api, data_store_reader, data_store_writer, kv_backend, store_engine,
};
use reference::ReferenceFactory;

fn run(suite: Suite, defect: Option<Defect>) -> Report {
    let factory = ReferenceFactory::new(defect);
    match suite {
        Suite::Reader => block_on(data_store_reader::run(&factory)),
        Suite::Writer => block_on(data_store_writer::run(&factory)),
        Suite::Engine => store_engine::run(&factory),
        Suite::Kv => block_on(kv_backend::run(&factory)),
        Suite::Client => block_on(client_api::run(&factory)),
    }
}

/// All rules hold for the reference store and none is skipped; each is broken by the defects that are listed for it,
/// and at least one is listed for each.
fn suite_is_sharp(suite: Suite) {
    let sound = run(suite, None);
    sound.assert_conforms();
    for outcome in sound.outcomes() {
        assert_eq!(outcome.verdict, Verdict::Held, "{} was not checked", outcome.rule);
    }

    let mut missed = Vec::new();
    let listed = || DEFECTS.iter().filter(|(_, of, _)| *of == suite);
    let defects: BTreeSet<String> = listed().map(|(defect, ..)| format!("{defect:?}")).collect();
    for name in &defects {
        let of_defect = || listed().filter(|(defect, ..)| format!("{defect:?}") == *name);
        let defect = of_defect().next().map(|(defect, ..)| *defect);
        let report = run(suite, defect);
        let broken: BTreeSet<&str> = report.broken().map(|outcome| outcome.rule).collect();
        for (_, _, rule) in of_defect().filter(|(_, _, rule)| !broken.contains(rule)) {
            missed.push(format!("{name} does not break {rule}; it breaks {broken:?}"));
        }
    }
    let proven: BTreeSet<&str> = listed().map(|(_, _, rule)| *rule).collect();
    let rules: BTreeSet<&str> = sound.outcomes().iter().map(|outcome| outcome.rule).collect();
    missed.extend(rules.difference(&proven).map(|rule| format!("no defect is listed for the rule {rule}")));
    missed.extend(proven.difference(&rules).map(|rule| format!("the listed rule {rule} does not exist")));
    assert!(missed.is_empty(), "{suite:?}:\n{}", missed.join("\n"));
}

#[test]
fn the_reader_suite_catches_every_defect() {
    suite_is_sharp(Suite::Reader);
}

#[test]
fn the_writer_suite_catches_every_defect() {
    suite_is_sharp(Suite::Writer);
}

#[test]
fn the_store_engine_suite_catches_every_defect() {
    suite_is_sharp(Suite::Engine);
}

#[test]
fn the_kv_backend_suite_catches_every_defect() {
    suite_is_sharp(Suite::Kv);
}

#[test]
fn the_client_api_suite_catches_every_defect() {
    suite_is_sharp(Suite::Client);
}

#[test]
#[should_panic(expected = "broken [compare_and_swap] it_compares_the_value: compare_and_swap(\"k\", Some(")]
fn run_all_panics_with_row_rule_and_finding() {
    block_on(kv_backend::run_all(&ReferenceFactory::new(Some(Defect::SwapIgnoresExpected))));
}

#[test]
fn run_all_passes_the_reference_store() {
    let factory = ReferenceFactory::new(None);
    block_on(async {
        data_store_reader::run_all(&factory).await;
        data_store_writer::run_all(&factory).await;
        kv_backend::run_all(&factory).await;
        client_api::run_all(&factory).await;
    });
    store_engine::run_all(&factory);
}
