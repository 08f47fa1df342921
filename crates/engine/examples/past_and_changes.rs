//! The past and the future of a store: a snapshot, a read as of an older commit, and a stream of changes.

use std::error::Error;
use std::thread;

use pentad_engine::{Retention, Store, WatchEvent, WatchFilter};

fn main() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let store = Store::open(dir.path().join("light.pentad"))?;

    // Every commit has a sequence, and as long as it is retained, the store can be read as it was then.
    let morning = store.put("light", "off")?.sequence.ok_or("a put takes a sequence")?;
    let snapshot = store.snapshot()?;
    store.put("light", "on")?;
    assert_eq!(snapshot.get("light")?.as_deref(), Some(&b"off"[..]));
    assert_eq!(store.at(morning)?.get("light")?.as_deref(), Some(&b"off"[..]));
    assert_eq!(store.get("light")?.as_deref(), Some(&b"on"[..]));

    // A watch tells what has happened since a commit, then what happens while it waits.
    let mut watch = store.watch(WatchFilter::key("light"), morning)?.with_previous();
    let writer = {
        let store = store.clone();
        thread::Builder::new().spawn(move || store.delete("light"))?
    };
    for _ in 0..3 {
        let Some(WatchEvent::Commit(commit)) = watch.next().transpose()? else { break };
        for change in &commit.changes {
            println!("{}: {:?} instead of {:?}", commit.sequence, change.value, change.previous);
        }
    }
    writer.join().map_err(|_| "the writer panicked")??;
    println!("to go on later, begin with commit {}", watch.resume_at());

    // How far back both go is set when the store is opened, and can be changed while it is open. As long as there is a watch,
    // the last 16 MiB of the log stay all the same.
    drop(watch);
    let given_up = store.set_retention(Retention::Commits(1))?;
    println!("gave up {given_up} commits; the oldest that can be read is {:?}", store.oldest_readable());
    assert!(store.at(morning).is_err());
    Ok(store.close()?)
}
