//! `scan --newest-first`: entries by age instead of by key.

use super::Printer;
use crate::error::Result;
use crate::place::Look;

/// Lists entries, the one written last first. What was stored under a hash alone is shown as `#` and that hash.
pub(super) fn list(place: &dyn Look, keys_alone: bool, limit: u64, mut printer: Printer) -> Result<()> {
    place.newest_first(keys_alone, limit, &mut |entry| {
        let value = (!keys_alone).then_some(&*entry.value);
        match &entry.key {
            Some(key) => printer.print(key, value),
            None => printer.print(format!("#{:016x}", entry.key_hash).as_bytes(), value),
        }
    })?;
    printer.output.finish()
}
