//! Which entries a run works on: how many, how large, and what their keys look like.

use std::fmt;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::keys::Keys;
use super::random::Random;
use super::values::Values;

/// What keys look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, ValueEnum, Serialize, Deserialize)]
#[value(rename_all = "lower")]
#[serde(rename_all = "lowercase")]
pub(crate) enum Shape {
    /// 16 random bytes, loaded in random order.
    Random16,
    /// `user:` and twelve digits, loaded in ascending order, as numbers are given out.
    User,
    /// Paths of 60 to 120 bytes, loaded in random order.
    Path,
}

impl Shape {
    #[cfg(test)]
    pub(crate) const ALL: [Self; 3] = [Self::Random16, Self::User, Self::Path];

    /// Typical length in bytes, for estimates.
    fn key_bytes(self) -> u64 {
        match self {
            Self::Random16 => 16,
            Self::User => 17,
            Self::Path => 88,
        }
    }

    /// As it stands on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Random16 => "random16",
            Self::User => "user",
            Self::Path => "path",
        }
    }
}

/// How many entries, and how long their values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, ValueEnum, Serialize, Deserialize)]
#[value(rename_all = "lower")]
#[serde(rename_all = "lowercase")]
pub(crate) enum Size {
    /// 1,000,000 values of 100 bytes.
    V100,
    /// 1,000,000 values of 8 bytes.
    V8,
    /// 100,000 values of 4,096 bytes.
    V4k,
    /// 10,000,000 values of 100 bytes.
    #[value(name = "v100-10m")]
    #[serde(rename = "v100-10m")]
    V100Ten,
}

impl Size {
    /// As it stands on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::V100 => "v100",
            Self::V8 => "v8",
            Self::V4k => "v4k",
            Self::V100Ten => "v100-10m",
        }
    }

    fn entries(self) -> u64 {
        match self {
            Self::V100 | Self::V8 => 1_000_000,
            Self::V4k => 100_000,
            Self::V100Ten => 10_000_000,
        }
    }

    fn value_bytes(self) -> usize {
        match self {
            Self::V100 | Self::V100Ten => 100,
            Self::V8 => 8,
            Self::V4k => 4096,
        }
    }
}

/// One set of entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct DataSet {
    /// How many and how large.
    pub(crate) size: Size,
    /// What their keys look like.
    pub(crate) shape: Shape,
    /// Whether it is the tenth part, for a run in minutes.
    pub(crate) quick: bool,
    /// Whether a store has to do with one part of its bytes in so many as memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) memory_part: Option<u64>,
}

impl DataSet {
    /// How many entries.
    pub(crate) fn entries(self) -> u64 {
        self.size.entries() / if self.quick { 10 } else { 1 }
    }

    /// Bytes per value.
    pub(crate) fn value_bytes(self) -> usize {
        self.size.value_bytes()
    }

    /// Keys and values together, in bytes, about.
    pub(crate) fn logical_bytes(self) -> u64 {
        self.entries() * (self.shape.key_bytes() + self.value_bytes() as u64)
    }

    /// The entries in the order in which they are loaded.
    pub(crate) fn load_order(self) -> Vec<u64> {
        match self.shape {
            // Their bytes are random, so ascending numbers come in no order of the keys.
            Shape::Random16 | Shape::User => (0..self.entries()).collect(),
            Shape::Path => Random::new(0x0a7d).permutation(self.entries()),
        }
    }

    /// The keys of the entries `indexes`, in that order.
    pub(crate) fn keys(self, indexes: impl IntoIterator<Item = u64>) -> Keys {
        Keys::of(self.shape, indexes)
    }

    /// Neighbours of the keys of `indexes` that are absent.
    pub(crate) fn absent_keys(self, indexes: impl IntoIterator<Item = u64>) -> Keys {
        Keys::absent(self.shape, indexes)
    }

    /// Where its values come from.
    pub(crate) fn values(self) -> Values {
        Values::new(self.value_bytes())
    }
}

impl fmt::Display for DataSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.size.name(), self.shape.name())?;
        if self.quick {
            write!(f, ", a tenth")?;
        }
        match self.memory_part {
            Some(part) => write!(f, ", memory for 1/{part}"),
            None => Ok(()),
        }
    }
}
