//! A snapshot on a way that breaks off, and on one that damages what it carries.
//!
//! Other nodes reach the one that joins by a front that counts what it passes on. The snapshot is most of that by far, so the bytes
//! say what was sent of it twice.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pentad_client::wire::{self, operation};
use pentad_cluster_backend::Node;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{call, digest, log, until, write};

/// Bytes of values that the snapshot holds, each value a run of one byte.
const VALUE_BYTES: usize = 1 << 20;
const VALUES: usize = 40;
/// What else may pass: headers, heartbeats, appends, and what was on its way when an attempt ended, which a window of the connection bounds.
const AROUND_BYTES: u64 = 14 << 20;

/// What happens to the first connection that has carried so many bytes.
#[derive(Clone, Copy)]
enum Trouble {
    /// It ends.
    BreaksOff,
    /// One byte of a value arrives as another one.
    Damages,
}

/// Where the trouble begins: amid the snapshot, and beyond all that may be sent in vain.
const TROUBLE_AT: u64 = 30 << 20;

struct Front {
    carried: AtomicU64,
    trouble: Mutex<Option<Trouble>>,
}

impl Front {
    /// Passes on what comes from a connection, and makes the trouble; whether the connection goes on.
    fn pass(&self, carried: u64, bytes: &mut [u8]) -> bool {
        self.carried.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        let mut trouble = self.trouble.lock().unwrap();
        if carried < TROUBLE_AT {
            return true;
        }
        match *trouble {
            None => true,
            Some(Trouble::BreaksOff) => {
                *trouble = None;
                false
            }
            Some(Trouble::Damages) => {
                // Amid a run, so that it is a byte of a value and not of what is around.
                let is_run = |bytes: &[u8]| bytes.iter().all(|byte| *byte == bytes[0] && *byte >= b'a');
                if let Some(at) = bytes.windows(64).position(is_run) {
                    bytes[at + 32] ^= 1;
                    *trouble = None;
                }
                true
            }
        }
    }
}

async fn serve(listener: TcpListener, back: SocketAddr, front: Arc<Front>) {
    loop {
        let (incoming, _) = listener.accept().await.unwrap();
        let front = Arc::clone(&front);
        tokio::spawn(async move {
            let Ok(outgoing) = TcpStream::connect(back).await else { return };
            let (mut asks, mut answers) = incoming.into_split();
            let (mut hears, mut says) = outgoing.into_split();
            let asked = async {
                let (mut bytes, mut carried) = (vec![0; 64 << 10], 0);
                loop {
                    let read = asks.read(&mut bytes).await.unwrap_or(0);
                    carried += read as u64;
                    let goes_on = read > 0 && front.pass(carried, &mut bytes[..read]);
                    if !goes_on || says.write_all(&bytes[..read]).await.is_err() {
                        return;
                    }
                }
            };
            // Both ways end together.
            tokio::select! {
                () = asked => {}
                _ = tokio::io::copy(&mut hears, &mut answers) => {}
            }
        });
    }
}

/// Lets a node join that gets a snapshot amid `trouble`; how many bytes it took.
async fn join_amid(trouble: Option<Trouble>) -> u64 {
    log();
    let dir = tempfile::tempdir().unwrap();
    let start = |name: &str| {
        Node::builder(dir.path().join(name)).listen("127.0.0.1:0").log_entries_kept(2).threads(2)
    };
    let first = start("first").start().unwrap();
    for number in 0..VALUES {
        let byte = b'a' + u8::try_from(number % 26).unwrap();
        let put = wire::Put {
            key: format!("k{number:02}").into(),
            value: vec![byte; VALUE_BYTES].into(),
            expiry: None,
        };
        call(&first, write(vec![operation::Kind::Put(put)])).await.unwrap();
    }
    first.snapshot().await.unwrap();
    until("the log is given up", Duration::from_secs(20), async || {
        first.status().purged_index > Some(VALUES as u64 / 2)
    })
    .await;

    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let back = free.local_addr().unwrap();
    drop(free);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let front = Arc::new(Front { carried: AtomicU64::new(0), trouble: Mutex::new(trouble) });
    tokio::spawn(serve(listener, back, Arc::clone(&front)));
    let joined = Node::builder(dir.path().join("second")).listen(back.to_string()).advertise(&address);
    let first_address = first.address().unwrap().to_string();
    let second = joined.join(first_address).threads(2).start().unwrap();
    until("both have the same", Duration::from_secs(60), async || {
        second.store().is_ok() && digest(&second) == digest(&first) && second.status().applied_index.is_some()
    })
    .await;
    assert_eq!(second.status().snapshots_installed, 1, "it came by a snapshot");
    assert!(front.trouble.lock().unwrap().is_none(), "there was the trouble that there was to be");
    second.shutdown().await;
    first.shutdown().await;
    front.carried.load(Ordering::Relaxed)
}

const SNAPSHOT_BYTES: u64 = (VALUE_BYTES * VALUES) as u64;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f22_a_snapshot_that_is_broken_off_goes_on_where_it_was() {
    let undisturbed = join_amid(None).await;
    assert!(undisturbed >= SNAPSHOT_BYTES, "{undisturbed}");
    let carried = join_amid(Some(Trouble::BreaksOff)).await;
    assert!(carried < SNAPSHOT_BYTES + AROUND_BYTES, "{carried} bytes were sent for {SNAPSHOT_BYTES}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f22_a_chunk_that_arrives_damaged_is_refused_and_sent_anew() {
    let carried = join_amid(Some(Trouble::Damages)).await;
    // It alone: not the chunks before it.
    assert!(carried < SNAPSHOT_BYTES + AROUND_BYTES, "{carried} bytes were sent for {SNAPSHOT_BYTES}");
    assert!(carried > SNAPSHOT_BYTES + (256 << 10), "{carried} bytes were sent for {SNAPSHOT_BYTES}");
}

/// The one that came by a snapshot knows nothing of a namespace that was dropped before, and gives its number to the next.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f22_namespaces_are_alike_on_a_node_that_never_heard_of_those_that_were_dropped() {
    log();
    let dir = tempfile::tempdir().unwrap();
    let start = |name: &str| {
        Node::builder(dir.path().join(name)).listen("127.0.0.1:0").log_entries_kept(2).threads(2)
    };
    let named = |name: &str| wire::Namespace { name: name.to_owned() };
    let make = |name: &str| {
        let put = wire::Put { key: "k".into(), value: name.to_owned().into(), expiry: None };
        let make = operation::Kind::MakeNamespace(named(name));
        write(vec![make, operation::Kind::Within(named(name)), operation::Kind::Put(put)])
    };
    let first = start("first").start().unwrap();
    call(&first, make("gone")).await.unwrap();
    call(&first, make("kept")).await.unwrap();
    call(&first, write(vec![operation::Kind::DropNamespace(named("gone"))])).await.unwrap();
    for _ in 0..8 {
        call(&first, write(vec![operation::Kind::Increment(wire::Increment { key: "n".into(), delta: 1 })]))
            .await
            .unwrap();
    }
    first.snapshot().await.unwrap();
    let second = start("second").join(first.address().unwrap().to_string()).start().unwrap();
    second.ready(Duration::from_secs(20)).await.unwrap();
    call(&second, make("new")).await.unwrap();
    until("both have the same", Duration::from_secs(20), async || {
        second.store().is_ok_and(|store| store.namespaces() == ["kept", "new"])
            && digest(&second) == digest(&first)
    })
    .await;
    assert_eq!(second.status().snapshots_installed, 1, "it came by a snapshot");
    let new = second.store().unwrap().find_namespace("new").unwrap().unwrap();
    assert_eq!((new.len(), new.get("k").unwrap().as_deref()), (1, Some(&b"new"[..])));
}
