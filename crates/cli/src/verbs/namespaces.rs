//! `namespaces`: which namespaces a store has, and dropping one.

use pentad_engine::escape_key;
use serde_json::json;

use crate::args::{AsOf, Global, NamespacesArgs, Reading};
use crate::error::{Failure, Result};
use crate::escape::escape;
use crate::output::{Output, warn};
use crate::session;

/// Lists the names, or drops one.
pub(crate) fn run(global: &Global, arguments: &NamespacesArgs) -> Result<()> {
    match &arguments.drop {
        None => list(global),
        Some(name) => drop(global, name),
    }
}

fn list(global: &Global) -> Result<()> {
    let (names, fault) =
        session::look(global, Reading::default(), AsOf::default(), |place| place.namespaces())?;
    if let Some(fault) = fault {
        warn(&fault);
    }
    let mut output = Output::new();
    if global.json {
        output.json(&json!({ "namespaces": names }))?;
    } else {
        for name in names {
            let shown = if global.raw { name } else { escape(name.as_bytes()) };
            output.line(&shown)?;
        }
    }
    output.finish()
}

fn drop(global: &Global, name: &str) -> Result<()> {
    let done = session::alter(global, |place| {
        let done = place.drop_namespace(name)?;
        let absent = || format!("there is no namespace {} in {}", escape_key(name.as_bytes()), place.name());
        if done.deleted > 0 { Ok(done) } else { Err(Failure::Absent(absent())) }
    })?;
    let mut output = Output::new();
    if global.json {
        output.json(&json!({ "dropped": name, "sequence": done.sequence }))?;
    } else {
        output.line(&format!("dropped the namespace {}", escape_key(name.as_bytes())))?;
    }
    output.finish()
}
