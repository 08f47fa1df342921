//! From lines of JSON to a batch.
//!
//! Invariant: a field that means nothing where it stands is refused, because whoever wrote it meant something by it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pentad_engine::{Batch, Expect, Expiry, Sequence};
use serde_json::{Map, Value};

/// The batch of some lines, or the number of the line that cannot be used and why.
pub(super) fn batch_of(text: &[u8]) -> Result<Batch, (usize, String)> {
    let mut batch = Batch::new();
    for (line, number) in text.split(|&byte| byte == b'\n').zip(1..) {
        if !line.iter().all(u8::is_ascii_whitespace) {
            add(line, &mut batch).map_err(|what| (number, what))?;
        }
    }
    Ok(batch)
}

fn add(line: &[u8], batch: &mut Batch) -> Result<(), String> {
    let object = match serde_json::from_slice(line) {
        Ok(Value::Object(object)) => object,
        Ok(_) => return Err("it is JSON, but not an object".to_owned()),
        Err(error) => return Err(format!("it is not JSON: {error}")),
    };
    let mut fields = Fields { object };
    if let Some(key) = fields.bytes("if")? {
        let expect = fields.expect()?;
        batch.require(key, expect);
    } else if let Some(key) = fields.bytes("put")? {
        let value = fields.needed("value")?;
        let expiry = fields.ttl()?;
        batch.put_expiring(key, value, expiry);
    } else if let Some(key) = fields.bytes("delete")? {
        batch.delete(key);
    } else if let Some(prefix) = fields.bytes("delete_prefix")? {
        batch.delete_prefix(prefix);
    } else if let Some(key) = fields.bytes("increment")? {
        let by = fields.object.remove("by").map_or(Some(1), |by| by.as_i64());
        batch.increment(key, by.ok_or("\"by\" must be a whole number of 64 bits")?);
    } else if let Some(from) = fields.bytes("rename")? {
        let to = fields.needed("to")?;
        batch.rename(from, to);
    } else if let Some(key) = fields.bytes("expire")? {
        let expiry = fields.ttl()?;
        batch.set_expiry(key, expiry);
    } else {
        return Err("it says neither \"if\" nor what is to be done".to_owned());
    }
    match fields.object.keys().next() {
        None => Ok(()),
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
    use super::batch_of;

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
        assert_eq!(batch_of(text).unwrap().len(), 6);
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
            let (number, what) = batch_of(format!("\n{line}").as_bytes()).unwrap_err();
            assert!(number == 2 && what.contains(word), "{line}: line {number}: {what}");
        }
    }
}
