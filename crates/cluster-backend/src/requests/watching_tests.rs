//! Watches of a real store, message by message.

use futures_util::StreamExt as _;
use pentad_engine::{Batch, Options, Retention};

use super::*;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap()
}

fn store() -> (tempfile::TempDir, Store) {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path().join("store")).unwrap();
    (directory, store)
}

async fn next(watching: &mut Watching) -> Event {
    watching.next().await.expect("the watch goes on").expect("nothing is wrong").event.expect("an event")
}

#[test]
fn a_watch_tells_the_past_and_then_what_comes() {
    let (_directory, store) = store();
    store.put("user:1", "Ada").unwrap();
    store.put("other", "").unwrap();
    runtime().block_on(async {
        let filter = Some(watch_request::Filter::Prefix(Bytes::from_static(b"user:")));
        let request = WatchRequest { filter, from: Some(1), previous: true, ..WatchRequest::default() };
        let mut watching = Watching::new(&store, request).unwrap();
        assert_eq!(next(&mut watching).await, Event::WatchingFrom(1));
        let Event::Commit(commit) = next(&mut watching).await else { panic!("no commit") };
        assert_eq!((commit.sequence, commit.changes[0].previous.clone()), (1, None));
        store.put("user:1", "Grace").unwrap();
        let Event::Commit(commit) = next(&mut watching).await else { panic!("no commit") };
        let change = &commit.changes[0];
        assert_eq!((commit.sequence, change.previous.as_deref()), (3, Some(&b"Ada"[..])));
        assert_eq!(change.value.as_deref(), Some(&b"Grace"[..]));
    });
}

#[test]
fn a_watch_of_what_is_there_ends_with_how_far_it_is() {
    let (_directory, store) = store();
    store.put("a", "").unwrap();
    store.delete("a").unwrap();
    runtime().block_on(async {
        let request = WatchRequest { from: Some(1), until_now: true, ..WatchRequest::default() };
        let events: Vec<_> = Watching::new(&store, request).unwrap().collect().await;
        let kinds: Vec<_> = events.into_iter().map(|event| event.unwrap().event.unwrap()).collect();
        assert!(
            matches!(
                &kinds[..],
                [Event::WatchingFrom(1), Event::Commit(_), Event::Commit(_), Event::ToldBefore(3)]
            ),
            "{kinds:?}"
        );
    });
}

#[test]
fn f24_a_large_commit_goes_in_parts() {
    let (_directory, store) = store();
    let mut batch = Batch::new();
    for number in 0..5_u8 {
        batch.put([number], vec![number; 500_000]);
    }
    store.commit(batch).unwrap();
    runtime().block_on(async {
        let mut watching =
            Watching::new(&store, WatchRequest { from: Some(1), ..WatchRequest::default() }).unwrap();
        next(&mut watching).await;
        let mut parts = Vec::new();
        loop {
            let Event::Commit(commit) = next(&mut watching).await else { panic!("no commit") };
            parts.push(commit.changes.len());
            if !commit.is_continued {
                break;
            }
        }
        assert_eq!(parts, [2, 2, 1]);
    });
}

#[test]
fn f12_a_watch_that_falls_behind_is_told_where_it_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let store = Options::new().retention(Retention::Commits(2)).open(directory.path().join("store")).unwrap();
    store.put("a", "").unwrap();
    runtime().block_on(async {
        let mut watching =
            Watching::new(&store, WatchRequest { from: Some(1), ..WatchRequest::default() }).unwrap();
        next(&mut watching).await;
        for _ in 0..9 {
            store.put("a", "").unwrap();
        }
        store.prune(Sequence(8)).unwrap();
        let Event::ResumeAt(sequence) = next(&mut watching).await else { panic!("nothing was lost") };
        let Event::Commit(commit) = next(&mut watching).await else { panic!("no commit") };
        assert!(sequence >= 8 && commit.sequence == sequence);
        let failure =
            Watching::new(&store, WatchRequest { from: Some(1), ..WatchRequest::default() }).unwrap_err();
        assert_eq!(failure.kind(), FailureKind::Pruned);
        let failure =
            Watching::new(&store, WatchRequest { from: Some(99), ..WatchRequest::default() }).unwrap_err();
        assert_eq!(failure.kind(), FailureKind::Pruned);
    });
}

#[test]
fn a_receiver_of_nothing_is_told_how_far_the_watch_is() {
    let (_directory, store) = store();
    runtime().block_on(async {
        let filter = Some(watch_request::Filter::Key(Bytes::from_static(b"never")));
        let mut watching = Watching::new(&store, WatchRequest { filter, ..WatchRequest::default() }).unwrap();
        assert_eq!(next(&mut watching).await, Event::WatchingFrom(1));
        store.put("other", "").unwrap();
        assert_eq!(next(&mut watching).await, Event::ToldBefore(2));
    });
}

/// Commits that changed nothing were not told to whoever listed the log of a cluster, and a store in a directory shows them.
#[test]
fn the_whole_log_has_the_commits_too_that_changed_nothing() {
    let (_directory, store) = store();
    store.put("a", "1").unwrap();
    store.namespace("n").unwrap().put("k", "2").unwrap();
    let mut batch = Batch::new();
    batch.always();
    store.commit(batch).unwrap();
    store.delete("a").unwrap();
    let whole = WatchRequest { from: Some(1), until_now: true, whole_log: true, ..WatchRequest::default() };
    runtime().block_on(async {
        let told = async |store: &Store, request: &WatchRequest| {
            let events: Vec<_> = Watching::new(store, request.clone()).unwrap().collect().await;
            let event = |event: Result<WatchResponse, Failure>| match event.unwrap().event.unwrap() {
                Event::Commit(commit) => format!("{} {}", commit.sequence, commit.changes.len()),
                Event::WatchingFrom(sequence) => format!("from {sequence}"),
                Event::ToldBefore(sequence) => format!("before {sequence}"),
                other => panic!("{other:?}"),
            };
            events.into_iter().map(event).collect::<Vec<_>>().join(", ")
        };
        assert_eq!(told(&store, &whole).await, "from 1, 1 1, 2 0, 3 0, 4 1, before 5");
        let n = store.find_namespace("n").unwrap().unwrap();
        assert_eq!(told(&n, &whole).await, "from 1, 1 0, 2 1, 3 0, 4 0, before 5");
        let ended = WatchRequest { from: Some(5), ..whole.clone() };
        assert_eq!(told(&store, &ended).await, "from 5, before 5");
        let without = WatchRequest { whole_log: false, ..whole.clone() };
        assert_eq!(told(&store, &without).await, "from 1, 1 1, 4 1, before 5");
    });
    for request in [
        WatchRequest { until_now: false, ..whole.clone() },
        WatchRequest { previous: true, ..whole.clone() },
        WatchRequest { filter: Some(watch_request::Filter::Key(Bytes::new())), ..whole.clone() },
    ] {
        let refused = Watching::new(&store, request).unwrap_err();
        assert_eq!(refused.kind(), FailureKind::InvalidInput);
    }
}
