//! How much travels at once. Both sides know these numbers and check them alike: what is too large is refused before it is sent,
//! and again before it is in any log.

use prost::Message as _;

use crate::wire::{self, Failure, Write, condition, operation};

/// Longest message that is sent or taken, framing included: 64 MiB. It bounds a write and an answer.
pub const MESSAGE_BYTES_MAX: usize = 64 << 20;

/// Longest value: 63 MiB. Its key and what is around them take the rest of a message.
pub const VALUE_BYTES_MAX: usize = 63 << 20;

/// Most bytes of keys and values of one write together: the longest value, and the longest key.
pub const WRITE_BYTES_MAX: usize = VALUE_BYTES_MAX + KEY_BYTES_MAX;

/// Longest call or write as a message. Many small operations reach this first.
pub(crate) const CALL_BYTES_MAX: usize = MESSAGE_BYTES_MAX - (256 << 10);

/// Longest key, in bytes.
pub const KEY_BYTES_MAX: usize = 65_535;

/// Most operations in a write.
pub const OPERATIONS_MAX: usize = 1_048_576;

/// Bytes of keys and values of a page, if it has more than one row: 1 MiB.
pub const PAGE_BYTES_MAX: usize = 1 << 20;

/// The version of the protocol that this crate speaks.
pub const PROTOCOL_VERSION: u32 = 1;

impl Write {
    /// Refuses a write that is beyond a limit, with the limit and the actual size.
    ///
    /// # Errors
    ///
    /// `INVALID_INPUT`.
    pub fn check_limits(&self) -> Result<(), Failure> {
        check("operations", self.operations.len(), OPERATIONS_MAX)?;
        let mut bytes = 0;
        for condition in &self.conditions {
            check_key(&condition.key)?;
            bytes += condition.key.len();
            if let Some(condition::Expect::Value(value)) = &condition.expect {
                check("bytes in the value that is expected", value.len(), VALUE_BYTES_MAX)?;
                bytes += value.len();
            }
        }
        for operation in &self.operations {
            match &operation.kind {
                Some(operation::Kind::Put(put)) => {
                    check_key(&put.key)?;
                    check("bytes in a value", put.value.len(), VALUE_BYTES_MAX)?;
                    bytes += put.key.len() + put.value.len();
                }
                Some(operation::Kind::Delete(wire::Delete { key }))
                | Some(operation::Kind::Increment(wire::Increment { key, .. }))
                | Some(operation::Kind::SetExpiry(wire::SetExpiry { key, .. })) => {
                    check_key(key)?;
                    bytes += key.len();
                }
                Some(operation::Kind::Rename(rename)) => {
                    check_key(&rename.from)?;
                    check_key(&rename.to)?;
                    bytes += rename.from.len() + rename.to.len();
                }
                Some(
                    operation::Kind::Within(namespace)
                    | operation::Kind::MakeNamespace(namespace)
                    | operation::Kind::DropNamespace(namespace),
                ) => bytes += namespace.name.len(),
                Some(operation::Kind::DeleteRange(_)) | None => {}
            }
        }
        check("bytes of keys and values in a write", bytes, WRITE_BYTES_MAX)?;
        check("bytes in a write as a message", self.encoded_len(), CALL_BYTES_MAX)
    }
}

fn check_key(key: &[u8]) -> Result<(), Failure> {
    check("bytes in a key", key.len(), KEY_BYTES_MAX)
}

fn check(what: &str, actual: usize, limit: usize) -> Result<(), Failure> {
    if actual <= limit {
        return Ok(());
    }
    Err(Failure::invalid(format!("there are {actual} {what}, and {limit} is the limit")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Batch, Expect};

    fn refusal(fill: impl FnOnce(&mut Batch) -> &mut Batch) -> String {
        let mut batch = Batch::new();
        fill(&mut batch);
        Write::from(batch).check_limits().unwrap_err().message
    }

    #[test]
    fn f14_what_is_beyond_a_limit_is_refused_with_limit_and_size() {
        let long = vec![0; KEY_BYTES_MAX + 1];
        let large = vec![0; VALUE_BYTES_MAX + 1];
        for text in [
            refusal(|batch| batch.put(&long, "")),
            refusal(|batch| batch.delete(&long)),
            refusal(|batch| batch.rename("a", &long)),
            refusal(|batch| batch.require(&long, Expect::Absent)),
        ] {
            assert!(text.contains("65536") && text.contains("65535"), "{text}");
        }
        let text = refusal(|batch| batch.put("k", &large));
        assert!(text.contains("66060289") && text.contains("66060288"), "{text}");
        let text = refusal(|batch| batch.put("a", &large[..40 << 20]).put("b", &large[..40 << 20]));
        assert!(text.contains("83886082") && text.contains("66125823"), "{text}");
        let mut batch = Batch::new();
        batch.put(&long[1..], &large[1..]);
        Write::from(batch).check_limits().expect("the longest key and value fit together");
    }
}
