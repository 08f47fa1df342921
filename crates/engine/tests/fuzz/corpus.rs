//! Inputs of a target, and the measure of what one of them may allocate.

use std::alloc::System;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use cap::Cap;
use pentad_engine::fuzzing::Mutator;

/// Counts what is allocated in this process; fuzz targets have the same limit.
#[global_allocator]
static HEAP: Cap<System> = Cap::new(System, usize::MAX);

/// What may be held at once, in bytes. An input of a few KiB makes a store of a few hundred; a length out of a file that is
/// believed is far above this.
const HEAP_BYTES_MAX: usize = 128 << 20;

/// One target at a time, so that what is held is held by the input that runs.
static ALONE: Mutex<()> = Mutex::new(());

/// The committed inputs of `target` in the order of their names.
pub(crate) fn committed(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let files = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() >= 8, "{}: {} inputs are no corpus", folder.display(), paths.len());
    paths.into_iter().map(|path| std::fs::read(path).unwrap()).collect()
}

/// Runs `target` over its corpus, and over `random` changes of it; says which input failed.
pub(crate) fn replay(name: &str, target: fn(&[u8]), random: usize) {
    // A target that panicked has told what there is to tell, and leaves nothing half done here.
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let before = HEAP.max_allocated();
    let corpus = committed(name);
    let mut mutator = Mutator::new(0);
    let changed = std::iter::repeat_with(|| mutator.next_input(&corpus)).take(random);
    for input in corpus.iter().cloned().chain(changed) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| target(&input))) {
            eprintln!("{name} fails on this input, in hexadecimal: {}", hexadecimal(&input));
            resume_unwind(panic);
        }
        let held = HEAP.max_allocated();
        let bounded = held <= HEAP_BYTES_MAX || held == before;
        assert!(bounded, "{name} held {held} bytes with the input {}", hexadecimal(&input));
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
