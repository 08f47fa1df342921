//! Tests of the layer check on made-up graphs: each kind of forbidden edge is caught, and the plan itself passes.

use super::{Edge, Graph, LAYERS, Member, findings};

/// A graph of the crates named on the left, with normal edges to those on the right and to their tests' after a `|`.
fn graph(crates: &[(&str, &[&str], &[&str])]) -> Graph {
    let mut graph = Graph::default();
    for (name, uses, tests_use) in crates {
        let normal = uses.iter().map(|to| Edge { to: (*to).to_owned(), only_tests: false });
        let tests = tests_use.iter().map(|to| Edge { to: (*to).to_owned(), only_tests: true });
        graph.built_with.insert((*name).to_owned(), uses.iter().map(|to| (*to).to_owned()).collect());
        if name.starts_with("pentad") || *name == "xtask" {
            let manifest = format!("crates/{name}/Cargo.toml");
            graph.members.push(Member {
                name: (*name).to_owned(),
                manifest,
                edges: normal.chain(tests).collect(),
            });
        }
    }
    graph
}

fn said(crates: &[(&str, &[&str], &[&str])]) -> Vec<String> {
    findings(&graph(crates), LAYERS).into_iter().map(|finding| finding.to_string()).collect()
}

#[test]
fn the_planned_workspace_passes() {
    let found = said(&[
        ("pentad-traits", &["bytes", "async-trait"], &["pentad-traits", "tokio"]),
        ("pentad-engine", &["bytes", "memmap2"], &["pentad-engine", "proptest"]),
        ("pentad-local-backend", &["pentad-traits", "pentad-engine", "tokio"], &["tempfile"]),
        ("pentad-client", &["pentad-traits", "tonic"], &[]),
        ("pentad-cluster-backend", &["pentad-traits", "pentad-engine", "pentad-client", "openraft"], &[]),
        ("pentad", &["pentad-engine", "pentad-local-backend", "clap"], &[]),
        ("xtask", &["clap"], &[]),
        ("tonic", &["tokio"], &[]),
    ]);
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn an_engine_that_uses_the_traits_is_caught() {
    let found = said(&[("pentad-engine", &["pentad-traits"], &[]), ("pentad-traits", &[], &[])]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].starts_with(
            "crates/pentad-engine/Cargo.toml:1: layers: pentad-engine must not use pentad-traits"
        )
    );
}

#[test]
fn a_test_only_edge_is_allowed_only_where_the_table_says_so() {
    let found = said(&[("pentad-engine", &[], &["pentad-traits"]), ("pentad-traits", &[], &[])]);
    assert!(
        found.len() == 1 && found[0].contains("the tests of pentad-engine must not use pentad-traits"),
        "{found:?}"
    );
    let found = said(&[("xtask", &[], &["pentad-engine"]), ("pentad-engine", &[], &[])]);
    assert!(
        found.len() == 1 && found[0].contains("the tests of xtask must not use pentad-engine"),
        "{found:?}"
    );
}

#[test]
fn a_normal_edge_is_not_excused_by_the_list_for_tests() {
    let found = said(&[("pentad", &["pentad-traits"], &[]), ("pentad-traits", &[], &[])]);
    assert!(found.len() == 1 && found[0].contains("pentad must not use pentad-traits"), "{found:?}");
}

#[test]
fn the_traits_may_name_two_outside_crates_and_no_third() {
    let found = said(&[("pentad-traits", &["bytes", "async-trait", "thiserror"], &["proptest"])]);
    assert!(
        found.len() == 1
            && found[0].contains("must not use thiserror: it may name only async-trait and bytes")
    );
}

#[test]
fn a_runtime_below_the_engine_is_caught_however_deep() {
    let found =
        said(&[("pentad-engine", &["handy"], &[]), ("handy", &["deep"], &[]), ("deep", &["tokio"], &[])]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("pentad-engine must do without tokio"), "{found:?}");
    assert!(found[0].contains("pentad-engine -> handy -> deep -> tokio"), "{found:?}");
}

#[test]
fn a_client_that_reaches_the_engine_through_another_crate_is_caught() {
    let found = said(&[("pentad-client", &["handy"], &[]), ("handy", &["pentad-engine"], &[])]);
    assert!(
        found.len() == 1 && found[0].contains("pentad-client must do without pentad-engine"),
        "{found:?}"
    );
}

#[test]
fn a_crate_without_a_row_is_caught() {
    let found = said(&[("pentad-surprise", &[], &[])]);
    assert!(found.len() == 1 && found[0].contains("pentad-surprise has no layer: add a row"), "{found:?}");
}
