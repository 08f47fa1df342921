//! `scan --newest-first`: entries by age instead of by key.

use pentad_engine::Store;

use super::Printer;
use crate::error::Result;

/// Lists entries, the one written last first. What was stored under a hash alone is shown as `#` and that hash.
pub(super) fn list(store: &Store, keys_alone: bool, limit: usize, mut printer: Printer) -> Result<()> {
    for entry in store.snapshot()?.newest_first()?.take(limit) {
        let entry = entry?;
        let value = (!keys_alone).then_some(&*entry.value);
        match &entry.key {
            Some(key) => printer.print(key, value)?,
            None => printer.print(format!("#{:016x}", entry.key_hash).as_bytes(), value)?,
        }
    }
    printer.output.finish()
}
