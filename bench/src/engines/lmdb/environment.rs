//! Opening an LMDB environment, which is unsafe as a whole: LMDB maps its file, and some flags give up guarantees.
#![expect(unsafe_code, reason = "heed declares opening an environment and setting NO_SYNC unsafe")]

use std::path::Path;

use heed::{Env, EnvFlags, EnvOpenOptions, WithoutTls};

/// Opens the environment in `directory` with a map of `map_bytes`; without `durable`, commits are not synced.
pub(super) fn open(directory: &Path, map_bytes: usize, durable: bool) -> heed::Result<Env<WithoutTls>> {
    let mut options = EnvOpenOptions::new().read_txn_without_tls();
    options.map_size(map_bytes);
    if !durable {
        // SAFETY: without a sync a power cut may damage the file. Nobody opens this one afterwards.
        unsafe { options.flags(EnvFlags::NO_SYNC) };
    }
    // SAFETY: the directory belongs to this run; no other process, and no other part of this one, opens or changes it
    // while it is open here.
    unsafe { options.open(directory) }
}
