//! Sending a snapshot: in chunks with a checksum each, from where an interrupted attempt ended, and a checksum of the whole.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use pentad_client::wire::peer_client::PeerClient;
use pentad_client::wire::{self, snapshot_chunk::Part};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tonic::{Code, Status};

use super::convert::Wire;
use super::replica::SnapshotFiles;
use super::types::Vote;

/// Bytes of a file in one chunk.
pub(super) const CHUNK_BYTES: usize = 512 << 10;
/// Chunks that are read ahead of the network.
const CHUNKS_AHEAD: usize = 4;
/// How long the other node may take for a question.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// Sends `files`; returns the vote of the receiver, which has installed them then.
pub(super) async fn send(
    mut client: PeerClient<Channel>,
    header: wire::PeerHeader,
    vote: &Vote,
    snapshot: &Arc<SnapshotFiles>,
) -> Result<Vote, Status> {
    let files = snapshot.files().map_err(|error| Status::internal(error.to_string()))?;
    let meta = wire::SnapshotMeta { snapshot_id: snapshot.name.clone(), ..snapshot.meta.to_wire() };
    let question = wire::SnapshotStateRequest {
        header: Some(header.clone()),
        meta: Some(meta.clone()),
        files: files.clone(),
    };
    let state = tokio::time::timeout(ANSWER_MAX, client.snapshot_state(question));
    let there = state.await.map_err(|_| Status::unavailable("no answer"))??.into_inner().bytes;
    let bytes: u64 = files.iter().map(|file| file.bytes).sum();
    tracing::info!(
        bytes,
        there = there.iter().sum::<u64>(),
        "a snapshot is sent, but for what is there of it"
    );
    let start = wire::SnapshotStart {
        header: Some(header),
        vote: Some(vote.to_wire()),
        meta: Some(meta),
        files: files.clone(),
    };
    let (chunks, receiver) = mpsc::channel(CHUNKS_AHEAD);
    let reading = Reading { root: snapshot.path(), files, there, chunks, hasher: crc32fast::Hasher::new() };
    // Its files stay as long as they are read.
    let held = Arc::clone(snapshot);
    tokio::task::spawn_blocking(move || {
        if let Err(error) = reading.run(start) {
            tracing::warn!(%error, "cannot read a snapshot that is to be sent");
        }
        drop(held);
    });
    let receipt = client.snapshot(ReceiverStream::new(receiver)).await?.into_inner();
    if let Some(failure) = receipt.failure {
        return Err(Status::new(Code::Unavailable, failure.message));
    }
    Vote::required(receipt.vote, "a receipt has no vote").map_err(|error| Status::internal(error.to_string()))
}

struct Reading {
    root: PathBuf,
    files: Vec<wire::SnapshotFile>,
    /// Bytes of each file that the receiver has.
    there: Vec<u64>,
    chunks: mpsc::Sender<wire::SnapshotChunk>,
    hasher: crc32fast::Hasher,
}

impl Reading {
    /// Reads everything, for the checksum, and sends what is not there. Ends early, and without the checksum, when the receiver
    /// has gone or a file cannot be read.
    fn run(mut self, start: wire::SnapshotStart) -> std::io::Result<()> {
        if !self.put(Part::Start(start)) {
            return Ok(());
        }
        let files = std::mem::take(&mut self.files);
        for (number, file) in (0..).zip(&files) {
            let there = self.there.get(usize::try_from(number).unwrap_or(usize::MAX)).copied().unwrap_or(0);
            if !self.file(number, file, there)? {
                return Ok(());
            }
        }
        let checksum = self.hasher.clone().finalize();
        self.put(Part::Checksum(checksum));
        Ok(())
    }

    fn file(&mut self, number: u32, file: &wire::SnapshotFile, there: u64) -> std::io::Result<bool> {
        let mut reader = File::open(self.root.join(&file.name))?.take(file.bytes);
        let mut offset = 0;
        loop {
            let mut bytes = Vec::with_capacity(CHUNK_BYTES);
            let read = reader.by_ref().take(CHUNK_BYTES as u64).read_to_end(&mut bytes)?;
            if read == 0 {
                return Ok(true);
            }
            self.hasher.update(&bytes);
            let end = offset + read as u64;
            if end > there {
                let skipped = usize::try_from(there.saturating_sub(offset)).unwrap_or(0);
                let bytes = bytes::Bytes::from(bytes).slice(skipped..);
                let checksum = crc32fast::hash(&bytes);
                let data = wire::SnapshotData { file: number, offset: offset.max(there), bytes, checksum };
                if !self.put(Part::Data(data)) {
                    return Ok(false);
                }
            }
            offset = end;
        }
    }

    fn put(&self, part: Part) -> bool {
        self.chunks.blocking_send(wire::SnapshotChunk { part: Some(part) }).is_ok()
    }
}
