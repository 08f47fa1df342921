//! The five conformance suites over `LocalBackend`: every rule of the contract, one suite for each trait.

mod stores;

use pentad_local_backend::Alignment;
use pentad_traits::conformance::{
    Report, Verdict, block_on, client_api, data_store_reader, data_store_writer, kv_backend, store_engine,
};
use stores::Stores;

/// No rule is broken, and none is passed over but those named in `skipped`.
fn assert_conforms_skipping(report: &Report, skipped: &[&str]) {
    report.assert_conforms();
    let found: Vec<&str> = report
        .outcomes()
        .iter()
        .filter(|outcome| matches!(outcome.verdict, Verdict::Skipped(_)))
        .map(|outcome| outcome.rule)
        .collect();
    assert_eq!(found, skipped, "{report}");
}

#[test]
fn f12_f15_data_store_reader_conforms() {
    assert_conforms_skipping(&block_on(data_store_reader::run(&Stores::new())), &[]);
}

#[test]
fn data_store_reader_conforms_on_cache_lines() {
    assert_conforms_skipping(&block_on(data_store_reader::run(&Stores::aligned(Alignment::CacheLine))), &[]);
}

#[test]
fn f14_data_store_writer_conforms() {
    assert_conforms_skipping(&block_on(data_store_writer::run(&Stores::new())), &[]);
}

#[test]
fn f13_f14_f16_store_engine_conforms() {
    assert_conforms_skipping(&store_engine::run(&Stores::new()), &[]);
}

#[test]
fn f16_f17_kv_backend_conforms() {
    assert_conforms_skipping(&block_on(kv_backend::run(&Stores::new())), &[]);
}

#[test]
fn f17_client_api_conforms() {
    // A local store is never out of reach, so no outcome is unknown for want of an answer.
    let skipped = ["an_unknown_outcome_is_a_connection_timeout"];
    assert_conforms_skipping(&block_on(client_api::run(&Stores::new())), &skipped);
}

/// Stores of which the tests see a namespace: a keyspace like any other, for all five interfaces.
fn namespaces() -> Stores {
    let mut stores = Stores::new();
    stores.namespace = Some("a namespace");
    stores
}

#[test]
fn f12_f15_data_store_reader_conforms_in_a_namespace() {
    assert_conforms_skipping(&block_on(data_store_reader::run(&namespaces())), &[]);
}

#[test]
fn f14_data_store_writer_conforms_in_a_namespace() {
    assert_conforms_skipping(&block_on(data_store_writer::run(&namespaces())), &[]);
}

#[test]
fn f13_f14_f16_store_engine_conforms_in_a_namespace() {
    assert_conforms_skipping(&store_engine::run(&namespaces()), &[]);
}

#[test]
fn f16_f17_kv_backend_conforms_in_a_namespace() {
    assert_conforms_skipping(&block_on(kv_backend::run(&namespaces())), &[]);
}

#[test]
fn f17_client_api_conforms_in_a_namespace() {
    let skipped = ["an_unknown_outcome_is_a_connection_timeout"];
    assert_conforms_skipping(&block_on(client_api::run(&namespaces())), &skipped);
}
