//! `info`: what is known of an entry without its value.

use pentad_engine::escape_key;
use serde_json::{Map, Value};

use crate::args::{Global, InfoArgs};
use crate::error::{Failure, Result};
use crate::human;
use crate::json::insert_bytes;
use crate::output::Output;
use crate::session;
use crate::time::rfc3339;

/// Says what is known of the entry of a key.
pub(crate) fn run(global: &Global, arguments: &InfoArgs) -> Result<()> {
    let key = global.bytes("key", &arguments.key)?;
    let path = global.store()?;
    let info = session::read(global, arguments.reading, |store| {
        let absent =
            || Failure::Absent(format!("there is no key {} in {}", escape_key(&key), path.display()));
        store.entry_info(&key)?.ok_or_else(absent)
    })?;
    let checksum = u32::from_le_bytes(info.checksum);
    let mut output = Output::new();
    if global.json {
        let mut object = Map::new();
        insert_bytes(&mut object, "key", &key);
        object.insert("sequence".to_owned(), u64::from(info.sequence).into());
        object.insert("bytes".to_owned(), info.length.into());
        object.insert("checksum".to_owned(), format!("{checksum:08x}").into());
        object.insert("key_hash".to_owned(), format!("{:016x}", info.key_hash).into());
        object.insert("expires_ns".to_owned(), info.deadline.map(|deadline| deadline.0).into());
        object.insert("expires".to_owned(), info.deadline.map(rfc3339).into());
        output.json(&Value::from(object))?;
    } else {
        output.line(&format!("written by commit  {}", info.sequence))?;
        output.line(&format!("value              {}", human::counted(info.length, "byte", "bytes")))?;
        output.line(&format!("checksum           {checksum:08x}"))?;
        output.line(&format!("key hash           {:016x}", info.key_hash))?;
        output.line(&format!("expires            {}", info.deadline.map_or("never".to_owned(), rfc3339)))?;
    }
    output.finish()
}
