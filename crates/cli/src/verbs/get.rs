//! `get`: the value of a key, byte for byte and in bounded memory.

use pentad_engine::escape_key;

use crate::args::{GetArgs, Global};
use crate::error::{Failure, Result};
use crate::json::write_row;
use crate::output::{Output, failure};
use crate::payload::copy_out;
use crate::session;

/// Writes the value to standard output.
pub(crate) fn run(global: &Global, arguments: &GetArgs) -> Result<()> {
    let key = global.bytes("key", &arguments.key)?;
    session::look(global, arguments.reading, arguments.as_of, |place| {
        let shown = escape_key(&key);
        let absent = || Failure::Absent(format!("there is no key {shown} in {}", place.name()));
        let mut output = Output::new();
        if global.json {
            let value = place.value(&key)?.ok_or_else(absent)?;
            output.with(|out| write_row(out, &key, Some(&value), None))?;
            return output.finish();
        }
        let mut value = place.reader(&key)?.ok_or_else(absent)?;
        let broken = |error| Failure::value(&shown, error);
        copy_out(&mut value, output.stream(), &broken, &failure)?;
        output.finish()
    })
}
