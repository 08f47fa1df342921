//! One entry, seen through all five interfaces of one store.
//!
//!     cargo run -p pentad-local-backend --example five_interfaces

use std::error::Error;

use bytes::Bytes;
use pentad_local_backend::{
    AsyncDataStoreReader, AsyncDataStoreWriter, ClientApi, KvBackend, LocalBackend, StoreEngine,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let store = LocalBackend::open(dir.path().join("visits.pentad"))?;

    // A counter service speaks KvBackend …
    store.increment("visits:home", 41).await?;
    store.increment("visits:home", 1).await?;
    store.set_with_ttl("session:7", b"Ada", 60_000_000_000).await?;

    // … a web server reads it as a client …
    let visits = ClientApi::get(&store, "visits:home").await?.unwrap_or_default();
    println!("ClientApi            visits:home = {}", visits.escape_ascii());

    // … an importer streams a file in, and reads it back where it lies in the store's map …
    let mut page = &b"<h1>Welcome</h1>"[..];
    let tail = store.write_stream(b"page:home", &mut page).await?;
    println!("AsyncDataStoreWriter the log is {tail} bytes long");
    if let Some(page) = store.read(b"page:home").await? {
        println!("AsyncDataStoreReader page:home = {}", page.escape_ascii());
    }

    // … and a report scans them all in key order, and follows the log of commits.
    store.put_batch(&[("visits:about".into(), "3".into()), ("visits:help".into(), "5".into())])?;
    for (key, value) in store.range_scan(b"visits:", b"visits;", usize::MAX, true)? {
        println!("StoreEngine          {} = {}", key.escape_ascii(), value.escape_ascii());
    }
    for sequence in 1..=store.current_sequence() {
        let pairs: Vec<(Bytes, Bytes)> = store.get_batch(sequence)?.unwrap_or_default();
        let keys: Vec<String> = pairs.iter().map(|(key, _)| key.escape_ascii().to_string()).collect();
        println!("commit {sequence}: {}", keys.join(", "));
    }

    println!("KvBackend            {:?}", store.list_keys("").await?);
    store.close()?;
    Ok(())
}
