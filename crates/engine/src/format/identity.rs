//! The identity file: who a store is, and what was fixed when it was made (`docs/format.md` §2).

use super::bytes::{array_at, is_zero, put_at, u32_at, u64_at};
use super::{checksum, magic};
use crate::options::Alignment;

/// Length of the file in bytes.
pub(crate) const LENGTH: usize = 128;
/// How the file begins.
pub(crate) const MAGIC: [u8; 16] = magic(b"IDEN");

/// The version of the format of a whole directory: what its frames and entries may say. The identity alone has it, and it is
/// raised when a program that knows more begins to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FormatVersion(u32);

impl FormatVersion {
    /// Nobody notes which version of its key an entry is.
    pub(crate) const FIRST: Self = Self(1);
    /// Entries and frames of commits may say it.
    pub(crate) const LINEAGES: Self = Self(2);
    /// The newest that this program reads and writes.
    pub(crate) const NEWEST: Self = Self::LINEAGES;

    /// That of a new directory with such a log.
    pub(crate) fn of(kind: LogKind) -> Self {
        match kind {
            LogKind::Commits => Self::NEWEST,
            LogKind::Records => Self::FIRST,
        }
    }

    /// The number in the file.
    pub(crate) fn number(self) -> u32 {
        self.0
    }

    fn from_number(number: u32) -> Option<Self> {
        (Self::FIRST.0..=Self::NEWEST.0).contains(&number).then_some(Self(number))
    }
}

/// Who a store is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) alignment: Alignment,
    pub(crate) store_id: [u8; 16],
    pub(crate) incarnation: [u8; 16],
    pub(crate) cluster_id: [u8; 16],
    pub(crate) created_ns: u64,
    pub(crate) secret: [u8; 16],
    pub(crate) version: FormatVersion,
    pub(crate) features: Features,
}

/// What the log segments of a directory hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogKind {
    /// The commits of a store.
    Commits,
    /// The records of a record log.
    Records,
}

impl LogKind {
    /// What a directory with such a log is called.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Commits => "store",
            Self::Records => "record log",
        }
    }
}

/// Feature bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Features {
    pub(crate) compatible: u64,
    pub(crate) read_only_compatible: u64,
    pub(crate) incompatible: u64,
}

impl Features {
    /// Incompatible: entries may have a namespace, frames may be of the kind metadata, checkpoints hold runs of both.
    pub(crate) const NAMED_ENTRIES: u64 = 1;
    /// Incompatible: it is a record log, which must not be taken for a store.
    const RECORD_LOG: u64 = 1 << 1;
    /// The incompatible features that this version knows.
    const KNOWN: u64 = Self::NAMED_ENTRIES | Self::RECORD_LOG;

    /// Those of a new directory with such a log.
    pub(crate) fn of(kind: LogKind) -> Self {
        let incompatible = match kind {
            LogKind::Commits => 0,
            LogKind::Records => Self::RECORD_LOG,
        };
        Self { incompatible, ..Self::default() }
    }

    /// Whether entries may have a namespace.
    pub(crate) fn has_named_entries(self) -> bool {
        self.incompatible & Self::NAMED_ENTRIES != 0
    }
}

/// Why bytes are not an identity that this version can use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IdentityFault {
    /// It does not begin with the magic.
    Foreign,
    /// It is of another format version.
    Version(u32),
    /// Incompatible feature bits that this version does not know.
    Features(u64),
    /// It is an identity, but its bytes are not what was written.
    Damaged,
}

/// Whether bytes are as long as an identity of this version and end in the checksum of the rest.
pub(crate) fn checksum_holds(bytes: &[u8]) -> bool {
    bytes.len() == LENGTH && checksum::plain(&bytes[..124]) == u32_at(bytes, 124)
}

impl Identity {
    /// What the segments hold.
    pub(crate) fn log_kind(&self) -> LogKind {
        if self.features.incompatible & Features::RECORD_LOG == 0 {
            LogKind::Commits
        } else {
            LogKind::Records
        }
    }

    /// The bytes of the file.
    pub(crate) fn encode(&self) -> [u8; LENGTH] {
        let mut bytes = [0; LENGTH];
        put_at(&mut bytes, 0, &MAGIC);
        put_at(&mut bytes, 16, &self.version.0.to_le_bytes());
        let alignment: u32 = match self.alignment {
            Alignment::Compact => 8,
            Alignment::CacheLine => 64,
        };
        put_at(&mut bytes, 20, &alignment.to_le_bytes());
        put_at(&mut bytes, 24, &self.features.compatible.to_le_bytes());
        put_at(&mut bytes, 32, &self.features.read_only_compatible.to_le_bytes());
        put_at(&mut bytes, 40, &self.features.incompatible.to_le_bytes());
        put_at(&mut bytes, 48, &self.store_id);
        put_at(&mut bytes, 64, &self.incarnation);
        put_at(&mut bytes, 80, &self.cluster_id);
        put_at(&mut bytes, 96, &self.created_ns.to_le_bytes());
        put_at(&mut bytes, 104, &self.secret);
        let sum = checksum::plain(&bytes[..124]);
        put_at(&mut bytes, 124, &sum.to_le_bytes());
        bytes
    }

    /// Reads a whole identity file.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, IdentityFault> {
        if bytes.len() < 20 || bytes[..16] != MAGIC {
            return Err(IdentityFault::Foreign);
        }
        let sum_holds = checksum_holds(bytes);
        let version = u32_at(bytes, 16);
        // A newer version may have another length and place for its checksum, so its number is believed as it is;
        // but a version that a flipped bit made is damage, not news.
        if version > FormatVersion::NEWEST.0 && !sum_holds && version <= 0xffff {
            return Err(IdentityFault::Version(version));
        }
        if !sum_holds {
            return Err(IdentityFault::Damaged);
        }
        let version = FormatVersion::from_number(version).ok_or(IdentityFault::Version(version))?;
        let features = Features {
            compatible: u64_at(bytes, 24),
            read_only_compatible: u64_at(bytes, 32),
            incompatible: u64_at(bytes, 40),
        };
        let unknown = features.incompatible & !Features::KNOWN;
        if unknown != 0 {
            return Err(IdentityFault::Features(unknown));
        }
        let alignment = match u32_at(bytes, 20) {
            8 => Alignment::Compact,
            64 => Alignment::CacheLine,
            _ => return Err(IdentityFault::Damaged),
        };
        if !is_zero(&bytes[120..124]) {
            return Err(IdentityFault::Damaged);
        }
        Ok(Self {
            alignment,
            store_id: array_at(bytes, 48),
            incarnation: array_at(bytes, 64),
            cluster_id: array_at(bytes, 80),
            created_ns: u64_at(bytes, 96),
            secret: array_at(bytes, 104),
            version,
            features,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Features, FormatVersion, Identity, IdentityFault, LENGTH};
    use crate::options::Alignment;

    fn sample() -> Identity {
        Identity {
            alignment: Alignment::CacheLine,
            store_id: [1; 16],
            incarnation: [2; 16],
            cluster_id: [0; 16],
            created_ns: 3,
            secret: [4; 16],
            version: FormatVersion::LINEAGES,
            features: Features::default(),
        }
    }

    #[test]
    fn f05_every_flipped_bit_is_noticed() {
        let good = sample().encode();
        assert_eq!(Identity::decode(&good), Ok(sample()));
        for bit in 0..LENGTH * 8 {
            let mut bad = good;
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(Identity::decode(&bad).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn f05_a_newer_version_is_named() {
        let mut newer = sample().encode().to_vec();
        newer[16] = 3;
        newer.extend([0; 100]);
        assert_eq!(Identity::decode(&newer), Err(IdentityFault::Version(3)));
        assert_eq!(Identity::decode(b"SQLite format 3\0 and more"), Err(IdentityFault::Foreign));
    }

    #[test]
    fn unknown_incompatible_features_are_refused() {
        let mut identity = sample();
        identity.features.incompatible = 4;
        assert_eq!(Identity::decode(&identity.encode()), Err(IdentityFault::Features(4)));
        identity.features = Features { compatible: 1, read_only_compatible: 2, incompatible: 0 };
        assert_eq!(Identity::decode(&identity.encode()), Ok(identity));
    }
}
