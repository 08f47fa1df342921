//! The fuzz target of the command without a fuzzer: every input of the committed corpus, and a short series of random
//! changes of them. `cargo xtask fuzz command` runs the same function under libFuzzer.

#[path = "../../../engine/tests/fuzz/corpus.rs"]
mod corpus;

#[test]
fn what_the_command_parses_holds_out_against_the_corpus_and_random_changes_of_it() {
    corpus::replay("command", pentad::fuzzing::command, 10_000);
}
