//! `info`: what is known of an entry without its value.

use pentad_engine::{escape_key, key_hash};
use serde_json::{Map, Value};

use crate::args::{AsOf, Global, InfoArgs};
use crate::error::{Failure, Result};
use crate::human;
use crate::json::insert_bytes;
use crate::output::Output;
use crate::session;
use crate::time::rfc3339;

/// Says what is known of the entry of a key.
pub(crate) fn run(global: &Global, arguments: &InfoArgs) -> Result<()> {
    let key = global.bytes("key", &arguments.key)?;
    let info = session::look(global, arguments.reading, AsOf::default(), |place| {
        let absent = || Failure::Absent(format!("there is no key {} in {}", escape_key(&key), place.name()));
        place.info(&key)?.ok_or_else(absent)
    })?;
    let (checksum, hash) = (info.checksum, key_hash(&key));
    let mut output = Output::new();
    if global.json {
        let mut object = Map::new();
        insert_bytes(&mut object, "key", &key);
        object.insert("sequence".to_owned(), info.sequence.into());
        object.insert("created_sequence".to_owned(), info.created.into());
        object.insert("versions".to_owned(), info.versions.into());
        object.insert("bytes".to_owned(), info.bytes.into());
        object.insert("checksum".to_owned(), format!("{checksum:08x}").into());
        object.insert("key_hash".to_owned(), format!("{hash:016x}").into());
        object.insert("expires_ns".to_owned(), info.deadline.map(|deadline| deadline.0).into());
        object.insert("expires".to_owned(), info.deadline.map(rfc3339).into());
        output.json(&Value::from(object))?;
    } else {
        output.line(&format!("written by commit  {}", info.sequence))?;
        let unknown = || "not known".to_owned();
        let created = info.created.map_or_else(unknown, |created| created.to_string());
        output.line(&format!("created by commit  {created}"))?;
        let versions = info.versions.map_or_else(unknown, |versions| versions.to_string());
        output.line(&format!("versions since     {versions}"))?;
        output.line(&format!("value              {}", human::counted(info.bytes, "byte", "bytes")))?;
        output.line(&format!("checksum           {checksum:08x}"))?;
        output.line(&format!("key hash           {hash:016x}"))?;
        output.line(&format!("expires            {}", info.deadline.map_or("never".to_owned(), rfc3339)))?;
    }
    output.finish()
}
