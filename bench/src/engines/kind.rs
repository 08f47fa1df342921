//! The names of the stores, and which of them this program was built with.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// A store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, ValueEnum, Serialize, Deserialize)]
#[value(rename_all = "kebab-case")]
#[serde(rename_all = "kebab-case")]
pub(crate) enum EngineKind {
    /// This project's.
    Pentad,
    /// What the hardware allows to the design.
    Limit,
    /// Append-only, memory-mapped, without order.
    SimdRDrive,
    /// A B+tree over a memory map, by way of heed.
    Lmdb,
    /// A copy-on-write B+tree in Rust.
    Redb,
    /// A log-structured merge tree in Rust.
    Fjall,
    /// A log-structured merge tree in C++.
    #[value(name = "rocksdb")]
    #[serde(rename = "rocksdb")]
    RocksDb,
}

/// The lock file of this program, which has the versions of all engines.
const LOCK: &str = include_str!("../../Cargo.lock");

impl EngineKind {
    /// All, in the order of the columns.
    pub(crate) const ALL: [Self; 7] =
        [Self::Pentad, Self::Limit, Self::SimdRDrive, Self::Lmdb, Self::Redb, Self::Fjall, Self::RocksDb];

    /// Whether this program was built with it.
    pub(crate) fn is_built_in(self) -> bool {
        self != Self::RocksDb || cfg!(feature = "rocksdb")
    }

    /// As it stands on the command line and in tables.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pentad => "pentad",
            Self::Limit => "limit",
            Self::SimdRDrive => "simd-r-drive",
            Self::Lmdb => "lmdb",
            Self::Redb => "redb",
            Self::Fjall => "fjall",
            Self::RocksDb => "rocksdb",
        }
    }

    /// Name and version of the crate that it comes from; `None` for what is part of this repository.
    pub(crate) fn version(self) -> Option<String> {
        let package = match self {
            Self::Pentad | Self::Limit => return None,
            Self::Lmdb => "heed",
            other => other.name(),
        };
        let stanza =
            LOCK.split("[[package]]").find(|stanza| stanza.contains(&format!("\nname = \"{package}\"\n")))?;
        let version = stanza.lines().find_map(|line| line.strip_prefix("version = "))?;
        Some(format!("{package} {}", version.trim_matches('"')))
    }
}

#[cfg(test)]
mod tests {
    use super::EngineKind;

    #[test]
    fn every_outside_engine_has_a_version() {
        for kind in EngineKind::ALL {
            let version = kind.version();
            assert_eq!(version.is_none(), matches!(kind, EngineKind::Pentad | EngineKind::Limit), "{kind:?}");
            assert!(version.is_none_or(|version| version.split(' ').nth(1).is_some_and(|v| v.contains('.'))));
        }
    }
}
