//! The files of a record log made of bytes, and everything that can be done with one.
#![no_main]

use std::alloc::System;

use cap::Cap;

/// An input has at most a few KiB, so whoever asks for more has believed a length; the process then aborts with the input
/// at hand.
#[global_allocator]
static HEAP: Cap<System> = Cap::new(System, 256 << 20);

libfuzzer_sys::fuzz_target!(|input: &[u8]| pentad_engine::fuzzing::record_log_image(input));
