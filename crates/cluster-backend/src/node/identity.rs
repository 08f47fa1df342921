//! Who a node is: the file `node` in its directory.
//!
//! The file is a magic line, the length of a message (u32 big-endian), the message, and the CRC-32 of the message (u32
//! big-endian). Invariants: it is replaced as a whole and durable before anything depends on it; an id, once in it, never changes.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use arc_swap::ArcSwap;
use bytes::Bytes;
use pentad_client::wire;
use prost::Message;

use crate::error::{Error, ErrorKind, Result};
use crate::raft::replace;
use crate::random;

const MAGIC: &[u8] = b"pentad node 1\n";

/// How far a node is on its way into a cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Stage {
    /// It belongs to none, and may be given one.
    #[default]
    Waiting,
    /// It begins a cluster, alone or with others, and may have done so.
    Founding,
    /// It was given an id, and has heard nothing of the cluster's log yet.
    Joined,
    /// It is or was a member: its log must be there.
    Member,
}

/// Who a node is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) stage: Stage,
    /// 0 while it belongs to no cluster.
    pub(crate) node_id: u32,
    /// Empty while it belongs to none.
    pub(crate) cluster_id: Bytes,
    pub(crate) store_id: Bytes,
    pub(crate) incarnation: Bytes,
    /// Where others reach it; empty for a node that is embedded and not served.
    pub(crate) address: String,
    /// While it begins a cluster with others: the addresses of all of them, in the order of their ids.
    pub(crate) founders: Vec<String>,
}

#[derive(Clone, PartialEq, Message)]
struct Stored {
    #[prost(message, optional, tag = "1")]
    node: Option<wire::NodeIdentity>,
    #[prost(uint32, tag = "2")]
    stage: u32,
    #[prost(string, repeated, tag = "3")]
    founders: Vec<String>,
}

impl Identity {
    /// A new node, in no cluster.
    pub(super) fn new(address: String) -> Result<Self> {
        let (store_id, incarnation) = (random::id()?.to_vec().into(), random::id()?.to_vec().into());
        Ok(Self { store_id, incarnation, address, ..Self::default() })
    }

    pub(crate) fn to_wire(&self) -> wire::NodeIdentity {
        wire::NodeIdentity {
            cluster_id: self.cluster_id.clone(),
            group_id: 0,
            node_id: self.node_id,
            store_id: self.store_id.clone(),
            incarnation: self.incarnation.clone(),
            address: self.address.clone(),
        }
    }

    /// What the membership says of this node.
    pub(crate) fn as_member(&self, becomes_voter: bool) -> wire::MemberInfo {
        wire::MemberInfo {
            id: self.node_id,
            address: self.address.clone(),
            store_id: self.store_id.clone(),
            incarnation: self.incarnation.clone(),
            becomes_voter,
        }
    }

    fn encode(&self) -> Vec<u8> {
        let stage = match self.stage {
            Stage::Waiting => 0,
            Stage::Founding => 1,
            Stage::Joined => 2,
            Stage::Member => 3,
        };
        let stored = Stored { node: Some(self.to_wire()), stage, founders: self.founders.clone() };
        let message = stored.encode_to_vec();
        let length = u32::try_from(message.len()).expect("an identity is short");
        [MAGIC, &length.to_be_bytes(), &message, &crc32fast::hash(&message).to_be_bytes()].concat()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (length, rest) = bytes.strip_prefix(MAGIC)?.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (message, checksum) = rest.split_at_checked(length)?;
        if *checksum != crc32fast::hash(message).to_be_bytes() {
            return None;
        }
        let Stored { node, stage, founders } = Stored::decode(message).ok()?;
        let wire::NodeIdentity { cluster_id, node_id, store_id, incarnation, address, .. } = node?;
        let stage = match stage {
            0 => Stage::Waiting,
            1 => Stage::Founding,
            2 => Stage::Joined,
            3 => Stage::Member,
            _ => return None,
        };
        Some(Self { stage, node_id, cluster_id, store_id, incarnation, address, founders })
    }
}

/// The identity of this node, for everyone in it.
#[derive(Debug)]
pub(crate) struct Me {
    path: PathBuf,
    current: ArcSwap<Identity>,
    /// Held by whoever changes it.
    changing: Mutex<()>,
    /// The address that the node listens on, and speaks to others from, where that is not the one that the system
    /// takes by itself. Not stored.
    speaks_from: OnceLock<IpAddr>,
}

impl Me {
    /// The identity in the file at `path`, or `None` when there is no file.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Damaged`] when the file is not what was written.
    pub(super) fn load(path: &Path) -> Result<Option<Arc<Self>>> {
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io(format!("read {}", path.display()), &error)),
        };
        let Some(identity) = Identity::decode(&bytes) else {
            let text = format!(
                "{} is not the identity of a node of this version; nothing was changed. Is it another program's directory?",
                path.display()
            );
            return Err(Error::new(ErrorKind::Damaged, text));
        };
        Ok(Some(Self::of(path, identity)))
    }

    /// A new identity, durable at `path`.
    pub(super) fn create(path: &Path, identity: Identity) -> Result<Arc<Self>> {
        replace(path, &identity.encode())?;
        Ok(Self::of(path, identity))
    }

    fn of(path: &Path, identity: Identity) -> Arc<Self> {
        let current = ArcSwap::from_pointee(identity);
        Arc::new(Self {
            path: path.to_owned(),
            current,
            changing: Mutex::new(()),
            speaks_from: OnceLock::new(),
        })
    }

    /// Where connections to other nodes come from, if that matters.
    pub(crate) fn speaks_from(&self) -> Option<IpAddr> {
        self.speaks_from.get().copied()
    }

    /// Says where the node listens.
    pub(super) fn listens_on(&self, address: IpAddr) {
        // A socket that is bound before it connects takes a port for itself alone, and there are not that many.
        if ![IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST)].contains(&address) {
            // It is said once, when the node starts.
            self.speaks_from.get_or_init(|| address);
        }
    }

    /// Who the node is now.
    pub(crate) fn now(&self) -> Arc<Identity> {
        self.current.load_full()
    }

    /// Changes the identity; it is durable when this returns. `change` may refuse.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Identity) -> Result<()>) -> Result<Arc<Identity>> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut identity = Identity::clone(&self.current.load());
        change(&mut identity)?;
        if identity != **self.current.load() {
            replace(&self.path, &identity.encode())?;
            self.current.store(Arc::new(identity));
        }
        Ok(self.now())
    }

    /// What goes with a message to the node `to`.
    pub(crate) fn header(&self, to: u32) -> wire::PeerHeader {
        wire::PeerHeader { from: Some(self.now().to_wire()), to_node_id: to }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity() -> Identity {
        Identity {
            stage: Stage::Joined,
            node_id: 7,
            cluster_id: Bytes::from(vec![3; 16]),
            founders: vec!["127.0.0.1:7420".into(), "127.0.0.1:7421".into()],
            ..Identity::new("127.0.0.1:7420".into()).expect("random bytes")
        }
    }

    #[test]
    fn an_identity_comes_back() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("node");
        assert!(Me::load(&path).expect("nothing there").is_none());
        let me = Me::create(&path, identity()).expect("written");
        me.change(|identity| {
            identity.stage = Stage::Member;
            Ok(())
        })
        .expect("written");
        let again = Me::load(&path).expect("read").expect("there").now();
        assert_eq!(again, me.now());
        assert_eq!(again.stage, Stage::Member);
    }

    #[test]
    fn no_flipped_bit_and_no_cut_passes_for_an_identity() {
        let bytes = identity().encode();
        for cut in 0..bytes.len() {
            assert_eq!(Identity::decode(&bytes[..cut]), None);
        }
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Identity::decode(&flipped), None, "bit {bit}");
        }
    }
}
