//! Three nodes whose links can be cut one by one, each way by itself.
//!
//! A node listens on an address of its own, 127.0.0.2 and on, and speaks from it. The others reach it by a front, which knows by the address
//! that a connection comes from whose it is, and passes nothing on over a link that is cut: no answer and no end either, as
//! where packets are lost.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use pentad_client::wire;
use pentad_cluster_backend::Node;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::support::{digest, until};

/// From which node, to which.
type Link = (usize, usize);

/// The nodes, numbered from 0; the first of them leads at the beginning.
pub(crate) struct Linked {
    _dir: tempfile::TempDir,
    nodes: Vec<Node>,
    cut: watch::Sender<HashSet<Link>>,
}

fn ip_of(number: usize) -> IpAddr {
    Ipv4Addr::new(127, 0, 0, u8::try_from(number + 2).unwrap()).into()
}

impl Linked {
    pub(crate) async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let cut = watch::Sender::new(HashSet::new());
        let (mut nodes, mut first) = (Vec::<Node>::new(), None);
        for number in 0..3 {
            let front = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = front.local_addr().unwrap().to_string();
            let free = TcpListener::bind((ip_of(number), 0)).await.unwrap();
            let back = free.local_addr().unwrap();
            drop(free);
            tokio::spawn(serve(front, back, number, cut.subscribe()));
            let mut builder = Node::builder(dir.path().join(format!("node-{number}")))
                .listen(back.to_string())
                .advertise(&address)
                .threads(2);
            if let Some(first) = &first {
                builder = builder.join(first);
            }
            first.get_or_insert(address);
            let node = builder.start().unwrap();
            node.ready(Duration::from_secs(20)).await.unwrap();
            nodes.push(node);
        }
        let linked = Self { _dir: dir, nodes, cut };
        until("all three vote", Duration::from_secs(20), async || {
            let members = linked.node(0).members().await.unwrap().members;
            members.len() == 3 && members.iter().all(|member| member.role() != wire::Role::Learner)
        })
        .await;
        linked
    }

    pub(crate) fn node(&self, number: usize) -> &Node {
        &self.nodes[number]
    }

    pub(crate) fn cut(&self, links: &[Link]) {
        self.cut.send_modify(|cut| cut.extend(links));
    }

    /// Mends all links; what was on its way arrives.
    pub(crate) fn heal(&self) {
        self.cut.send_modify(HashSet::clear);
    }

    /// Waits until all have the same at the same index.
    pub(crate) async fn agree(&self) {
        until("all nodes have the same", Duration::from_secs(30), async || {
            let digests: Vec<_> = self.nodes.iter().map(digest).collect();
            digests.iter().all(|digest| *digest == digests[0])
        })
        .await;
    }
}

async fn serve(front: TcpListener, back: SocketAddr, to: usize, cut: watch::Receiver<HashSet<Link>>) {
    loop {
        let (incoming, peer) = front.accept().await.unwrap();
        let from =
            (0..3).find(|number| ip_of(*number) == peer.ip()).expect("a node speaks from its own address");
        let cut = cut.clone();
        tokio::spawn(async move {
            let Ok(outgoing) = TcpStream::connect(back).await else { return };
            let (asks, answers) = incoming.into_split();
            let (hears, says) = outgoing.into_split();
            tokio::join!(pump(asks, says, (from, to), cut.clone()), pump(hears, answers, (from, to), cut));
        });
    }
}

async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    link: Link,
    mut cut: watch::Receiver<HashSet<Link>>,
) {
    let mut bytes = vec![0; 64 << 10];
    loop {
        let read = from.read(&mut bytes).await.unwrap_or(0);
        if cut.wait_for(|cut| !cut.contains(&link)).await.is_err() || read == 0 {
            return;
        }
        if to.write_all(&bytes[..read]).await.is_err() {
            return;
        }
    }
}
