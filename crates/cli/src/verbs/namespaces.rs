//! `namespaces`: which namespaces a store has, and dropping one.

use pentad_engine::{Batch, Store, escape_key};
use serde_json::json;

use crate::args::{Global, NamespacesArgs, Reading};
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
    let look = |store: &Store| Ok((store.namespaces(), store.stats().namespaces_fault));
    let (names, fault) = session::read(global, Reading::default(), look)?;
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
    let outcome = session::change(global, |store| {
        let mut batch = Batch::new();
        batch.drop_namespace(name);
        let outcome = store.commit(batch)?;
        let absent =
            || format!("there is no namespace {} in {}", escape_key(name.as_bytes()), store.path().display());
        if outcome.deleted > 0 { Ok(outcome) } else { Err(Failure::Absent(absent())) }
    })?;
    let mut output = Output::new();
    if global.json {
        output.json(&json!({ "dropped": name, "sequence": outcome.sequence.map(u64::from) }))?;
    } else {
        output.line(&format!("dropped the namespace {}", escape_key(name.as_bytes())))?;
    }
    output.finish()
}
