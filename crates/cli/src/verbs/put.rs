//! `put`: one value under one key, durable when the command ends.

use std::path::Path;

use pentad_engine::{Batch, Store};
use serde_json::json;

use crate::args::{Global, PutArgs};
use crate::error::{Failure, Result};
use crate::input::{self, Input, Origin};
use crate::interrupt;
use crate::output::Output;
use crate::payload::{Staged, stage};
use crate::progress::Progress;
use crate::session;

/// Stores the value given, or standard input.
pub(crate) fn run(global: &Global, arguments: &PutArgs) -> Result<()> {
    let key = global.bytes("key", &arguments.key)?;
    let given = match &arguments.value {
        Some(value) if value != "-" => Some(global.bytes("value", value)?),
        _ => {
            interrupt::watch()?;
            None
        }
    };
    session::create(global, |store| {
        let payload = match given {
            Some(value) => value.into(),
            None => from_standard_input(store)?.payload,
        };
        let mut batch = Batch::new();
        batch.put(&key, payload);
        let outcome = store.commit(batch)?;
        if global.json {
            let mut output = Output::new();
            output.json(&json!({ "sequence": outcome.sequence.map(u64::from) }))?;
            output.finish()?;
        }
        Ok(())
    })
}

fn from_standard_input(store: &Store) -> Result<Staged> {
    let name = Path::new("standard input");
    let mut input = Input::start(Origin::Standard, Progress::hidden())?;
    stage(store, &mut input, &|error| input::failure(name, error), &|_| {}).map_err(|failure| match failure {
        Failure::Interrupted => failure.after("nothing was stored".to_owned()),
        failure => failure,
    })
}
