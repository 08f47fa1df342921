//! From lines of JSON to conditions and changes.
//!
//! Invariant: a field that means nothing where it stands is refused, because whoever wrote it meant something by it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pentad_engine::{Expect, Expiry, Sequence};
use serde_json::{Map, Value};

use crate::place::Change;

/// What a line says.
#[derive(Debug)]
pub(super) enum Step {
    /// What a key must be.
    If(Vec<u8>, Expect),
    /// What is done.
    Then(Change<'static>),
}

/// The steps of some lines, or the number of the line that cannot be used and why.
pub(super) fn steps_of(text: &[u8]) -> Result<Vec<Step>, (usize, String)> {
    let mut steps = Vec::new();
    for (line, number) in text.split(|&byte| byte == b'\n').zip(1..) {
        if !line.iter().all(u8::is_ascii_whitespace) {
            steps.push(step_of(line).map_err(|what| (number, what))?);
        }
    }
    Ok(steps)
}

fn step_of(line: &[u8]) -> Result<Step, String> {
    let object = match serde_json::from_slice(line) {
        Ok(Value::Object(object)) => object,
        Ok(_) => return Err("it is JSON, but not an object".to_owned()),
        Err(error) => return Err(format!("it is not JSON: {error}")),
    };
    let mut fields = Fields { object };
    let step = if let Some(key) = fields.bytes("if")? {
        Step::If(key, fields.expect()?)
    } else if let Some(key) = fields.bytes("put")? {
        let value = fields.needed("value")?.into();
        Step::Then(Change::Put { key: key.into(), value, expiry: fields.ttl()? })
    } else if let Some(key) = fields.bytes("delete")? {
        Step::Then(Change::Delete { key: key.into() })
    } else if let Some(prefix) = fields.bytes("delete_prefix")? {
        Step::Then(Change::DeletePrefix { prefix: prefix.into() })
    } else if let Some(key) = fields.bytes("increment")? {
        let by = fields.object.remove("by").map_or(Some(1), |by| by.as_i64());
        let by = by.ok_or("\"by\" must be a whole number of 64 bits")?;
        Step::Then(Change::Increment { key: key.into(), by })
    } else if let Some(from) = fields.bytes("rename")? {
        let to = fields.needed("to")?;
        Step::Then(Change::Rename { from: from.into(), to: to.into() })
    } else if let Some(key) = fields.bytes("expire")? {
        Step::Then(Change::SetExpiry { key: key.into(), expiry: fields.ttl()? })
    } else {
        return Err("it says neither \"if\" nor what is to be done".to_owned());
    };
    match fields.object.keys().next() {
        None => Ok(step),
        Some(unknown) => Err(format!("the field {unknown:?} has no place here")),
    }
}

struct Fields {
    object: Map<String, Value>,
}

impl Fields {
    fn bytes(&mut self, name: &str) -> Result<Option<Vec<u8>>, String> {
        let encoded_name = format!("{name}_base64");
        match (self.object.remove(name), self.object.remove(&encoded_name)) {
            (None, None) => Ok(None),
            (Some(Value::String(text)), None) => Ok(Some(text.into_bytes())),
            (None, Some(Value::String(text))) => match STANDARD.decode(text) {
                Ok(bytes) => Ok(Some(bytes)),
                Err(error) => Err(format!("{encoded_name:?} is not base64: {error}")),
            },
            (Some(_), Some(_)) => Err(format!("there are both {name:?} and {encoded_name:?}")),
            (Some(_), None) => Err(format!("{name:?} must be a string")),
            (None, Some(_)) => Err(format!("{encoded_name:?} must be a string")),
        }
    }

    fn needed(&mut self, name: &str) -> Result<Vec<u8>, String> {
        self.bytes(name)?.ok_or_else(|| format!("there is no {name:?}"))
    }

    fn expect(&mut self) -> Result<Expect, String> {
        let mut expects = Vec::new();
        for (name, expect) in [("absent", Expect::Absent), ("present", Expect::Present)] {
            match self.object.remove(name) {
                None => {}
                Some(Value::Bool(true)) => expects.push(expect),
                Some(_) => return Err(format!("{name:?} can only be true")),
            }
        }
        if let Some(value) = self.bytes("value")? {
            expects.push(Expect::Value(value.into()));
        }
        if let Some(sequence) = self.object.remove("sequence") {
            let sequence = sequence.as_u64().ok_or("\"sequence\" must be a whole number")?;
            expects.push(Expect::Unmodified(Sequence(sequence)));
        }
        match (expects.pop(), expects.is_empty()) {
            (Some(expect), true) => Ok(expect),
            _ => Err("a condition needs one of \"absent\", \"present\", \"value\", \"sequence\"".to_owned()),
        }
    }

    fn ttl(&mut self) -> Result<Expiry, String> {
        match self.object.remove("ttl") {
            None | Some(Value::Null) => Ok(Expiry::Never),
            Some(Value::String(text)) => match humantime::parse_duration(&text) {
                Ok(time) => Ok(Expiry::After(time)),
                Err(error) => Err(format!("\"ttl\": {error}; write 90s, 15m, 1h 30m, 7d")),
            },
            Some(_) => Err("\"ttl\" must be a string such as \"90s\"".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Step, steps_of};

    #[test]
    fn every_kind_of_line_is_one_operation_or_condition() {
        let text = br#"
            {"if": "a", "absent": true}
            {"if": "a", "value": "1"}
            {"put": "b", "value_base64": "/w==", "ttl": "1h 30m"}
            {"delete": "c"}

            {"delete_prefix_base64": "/w=="}
            {"increment": "n", "by": -2}
            {"rename": "d", "to": "e"}
            {"expire": "f"}
        "#;
        let steps = steps_of(text).unwrap();
        let changes = steps.iter().filter(|step| matches!(step, Step::Then(_))).count();
        assert_eq!((steps.len(), changes), (8, 6));
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_its_line() {
        for (line, word) in [
            ("[]", "not an object"),
            ("{", "not JSON"),
            ("{}", "neither"),
            ("{\"if\": \"a\"}", "a condition needs one"),
            ("{\"if\": \"a\", \"absent\": true, \"value\": \"1\"}", "a condition needs one"),
            ("{\"if\": \"a\", \"absent\": false}", "can only be true"),
            ("{\"put\": \"a\"}", "no \"value\""),
            ("{\"put\": \"a\", \"value\": 1}", "must be a string"),
            ("{\"put\": \"a\", \"value\": \"1\", \"tll\": \"1s\"}", "\"tll\" has no place"),
            ("{\"put\": \"a\", \"value\": \"1\", \"ttl\": \"soon\"}", "write 90s"),
            ("{\"delete\": \"a\", \"put\": \"b\", \"value\": \"1\"}", "\"delete\" has no place"),
            ("{\"delete_base64\": \"*\"}", "not base64"),
            ("{\"increment\": \"a\", \"by\": 1.5}", "whole number"),
        ] {
            let (number, what) = steps_of(format!("\n{line}").as_bytes()).unwrap_err();
            assert!(number == 2 && what.contains(word), "{line}: line {number}: {what}");
        }
    }
}
