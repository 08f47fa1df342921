//! Programs of operations, cuts and reopens against the model of the crash tests.
#![no_main]

use std::alloc::System;

use cap::Cap;

#[path = "../../crates/engine/tests/crash/harness/mod.rs"]
#[expect(dead_code, reason = "the crash tests use more of the harness than a script does")]
mod harness;
#[path = "../../crates/engine/tests/fuzz/script.rs"]
mod script;

/// A program of a thousand draws holds a few MiB; see `decoders.rs`.
#[global_allocator]
static HEAP: Cap<System> = Cap::new(System, 256 << 20);

libfuzzer_sys::fuzz_target!(|script: &[u8]| script::play_script(script));
