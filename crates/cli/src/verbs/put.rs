//! `put`: one value under one key, durable when the command ends.

use std::path::Path;

use pentad_engine::{Expect, Expiry, Sequence, escape_key};
use serde_json::json;

use crate::args::{Global, PutArgs};
use crate::error::{Failure, Result};
use crate::input::{self, Input, Origin};
use crate::interrupt;
use crate::output::Output;
use crate::place::{Alter, Change, Content};
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
    let if_value = arguments.if_value.as_ref().map(|value| global.bytes("--if-value", value)).transpose()?;
    let expect = match (arguments.if_absent, if_value, arguments.if_sequence) {
        (true, ..) => Some(Expect::Absent),
        (_, Some(value), _) => Some(Expect::Value(value.into())),
        (.., Some(sequence)) => Some(Expect::Unmodified(Sequence(sequence))),
        (false, None, None) => None,
    };
    session::alter_or_create(global, |place| {
        let value = match given {
            Some(value) => value.into(),
            None => from_standard_input(place)?,
        };
        let mut changes = place.changes();
        let expiry = arguments.ttl.map_or(Expiry::Never, Expiry::After);
        changes.add(Change::Put { key: key.as_slice().into(), value, expiry });
        if let Some(expect) = expect {
            changes.require(&key, expect);
        }
        let done = changes.commit()?;
        if !done.applied {
            let text = format!("the condition on {} does not hold; nothing was stored", escape_key(&key));
            return Err(Failure::Unmet(text));
        }
        if global.json {
            let mut output = Output::new();
            output.json(&json!({ "sequence": done.sequence }))?;
            output.finish()?;
        }
        Ok(())
    })
}

fn from_standard_input(place: &dyn Alter) -> Result<Content> {
    let name = Path::new("standard input");
    let mut input = Input::start(Origin::Standard, Progress::hidden())?;
    let staged = place.stage(&mut input, &|error| input::failure(name, error), &|_| {});
    staged.map(|staged| staged.content).map_err(|failure| match failure {
        Failure::Interrupted => failure.after("nothing was stored".to_owned()),
        failure => failure,
    })
}
