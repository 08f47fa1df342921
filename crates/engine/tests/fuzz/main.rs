//! The fuzz targets of the engine without a fuzzer: every input of the committed corpora, and a short series of random
//! changes of them. `cargo xtask fuzz` runs the same functions under libFuzzer.
#![expect(clippy::disallowed_methods, reason = "the corpora are ordinary files of the source tree")]

#[path = "../crash/harness/mod.rs"]
#[expect(dead_code, reason = "the tests of single cases use more of the harness than a script does")]
mod harness;

mod corpus;
mod replay;
mod script;
