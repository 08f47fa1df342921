//! A commit as the programs ask for it, independent of the engine's batch, and its translation into one.

use std::fmt;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use super::stop::Stop;
use pentad_engine::{Batch, Durability, Expect, Expiry, Sequence, Store, Timestamp};

/// The bytes of a value, shared by all the states that hold it.
pub(crate) type Bytes = Arc<[u8]>;

/// When a put value ends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum End {
    Never,
    AfterNs(u64),
    AtNs(u64),
}

#[derive(Clone, Debug)]
pub(crate) enum Change {
    Put {
        key: Vec<u8>,
        value: Bytes,
        end: End,
    },
    /// A put through a stream segment.
    PutStreamed {
        key: Vec<u8>,
        value: Bytes,
    },
    PutHashed {
        hash: u64,
        value: Bytes,
    },
    Delete {
        key: Vec<u8>,
    },
    DeleteWithHashed {
        key: Vec<u8>,
    },
    DeleteHashed {
        hash: u64,
    },
    Rename {
        from: Vec<u8>,
        to: Vec<u8>,
    },
    Increment {
        key: Vec<u8>,
        delta: i64,
    },
}

#[derive(Clone, Debug)]
pub(crate) enum Condition {
    Absent,
    Present,
    Value(Bytes),
    Unmodified(u64),
}

#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) conditions: Vec<(Vec<u8>, Condition)>,
    pub(crate) changes: Vec<Change>,
    pub(crate) always: bool,
    pub(crate) durability: Durability,
}

impl Request {
    pub(crate) fn of(durability: Durability, changes: Vec<Change>) -> Self {
        Self { conditions: Vec::new(), changes, always: false, durability }
    }

    /// One plain put.
    pub(crate) fn put(durability: Durability, key: impl Into<Vec<u8>>, value: &[u8]) -> Self {
        Self::of(durability, vec![Change::Put { key: key.into(), value: value.into(), end: End::Never }])
    }

    /// One delete.
    pub(crate) fn delete(durability: Durability, key: impl Into<Vec<u8>>) -> Self {
        Self::of(durability, vec![Change::Delete { key: key.into() }])
    }

    /// The same as a batch for `store`; streams are staged on the way.
    pub(crate) fn to_batch(&self, store: &Store) -> Result<Batch, Stop> {
        let mut batch = Batch::new();
        batch.durability(self.durability);
        if self.always {
            batch.always();
        }
        for (key, condition) in &self.conditions {
            let expect = match condition {
                Condition::Absent => Expect::Absent,
                Condition::Present => Expect::Present,
                Condition::Value(value) => Expect::Value(value.to_vec().into()),
                Condition::Unmodified(sequence) => Expect::Unmodified(Sequence(*sequence)),
            };
            batch.require(key, expect);
        }
        for change in &self.changes {
            match change {
                Change::Put { key, value, end } => {
                    let expiry = match *end {
                        End::Never => Expiry::Never,
                        End::AfterNs(ns) => Expiry::After(Duration::from_nanos(ns)),
                        End::AtNs(ns) => Expiry::At(Timestamp(ns)),
                    };
                    batch.put_expiring(key, &value[..], expiry)
                }
                Change::PutStreamed { key, value } => {
                    let mut writer = store.stream()?;
                    for piece in value.chunks(700) {
                        writer.write_all(piece)?;
                    }
                    batch.put(key, writer.finish()?)
                }
                Change::PutHashed { hash, value } => batch.put_hashed(*hash, &value[..]),
                Change::Delete { key } => batch.delete(key),
                Change::DeleteWithHashed { key } => batch.delete_with_hashed(key),
                Change::DeleteHashed { hash } => batch.delete_hashed(*hash),
                Change::Rename { from, to } => batch.rename(from, to),
                Change::Increment { key, delta } => batch.increment(key, *delta),
            };
        }
        Ok(batch)
    }
}

impl fmt::Display for Request {
    /// One line, with values cut short.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = |bytes: &[u8]| {
            format!("{}[{}]", pentad_engine::escape_key(&bytes[..bytes.len().min(9)]), bytes.len())
        };
        write!(f, "{:?}", self.durability)?;
        for (key, condition) in &self.conditions {
            write!(f, " if {} {condition:?}", bytes(key))?;
        }
        for change in &self.changes {
            match change {
                Change::Put { key, value, end } => write!(f, " put {} {} {end:?}", bytes(key), bytes(value))?,
                Change::PutStreamed { key, value } => write!(f, " stream {} {}", bytes(key), bytes(value))?,
                Change::PutHashed { hash, value } => write!(f, " put #{hash:016x} {}", bytes(value))?,
                Change::Delete { key } => write!(f, " delete {}", bytes(key))?,
                Change::DeleteWithHashed { key } => write!(f, " delete {} and its hash", bytes(key))?,
                Change::DeleteHashed { hash } => write!(f, " delete #{hash:016x}")?,
                Change::Rename { from, to } => write!(f, " rename {} {}", bytes(from), bytes(to))?,
                Change::Increment { key, delta } => write!(f, " increment {} {delta}", bytes(key))?,
            }
        }
        Ok(())
    }
}
