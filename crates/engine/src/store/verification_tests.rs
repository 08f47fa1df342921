//! Continuity: a catalog that names too little is caught, though every file that it names is sound.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use super::{Subject, Verification};
use crate::format::catalog::Catalog;
use crate::format::segment_header::SegmentKind;
use crate::options::{Options, Retention};
use crate::seams::Environment;
use crate::seams::sim::{SimClock, SimDisk, SimRandom};
use crate::store::Store;
use crate::store::verify_report::Damage;

fn store() -> Store {
    let environment = Environment {
        disk: Arc::new(SimDisk::new(1)),
        clock: Arc::new(SimClock::new(1)),
        random: Arc::new(SimRandom::new(1)),
        background: false,
    };
    let options = Options::new().segment_bytes(4096).retention(Retention::All).environment(environment);
    let store = options.open("/store").unwrap();
    for number in 0..20 {
        store.put(format!("{number}"), vec![7; 1000]).unwrap();
    }
    store.close().unwrap();
    store
}

fn damage(store: &Store, catalog: Catalog) -> Vec<Damage> {
    let core = store.core();
    let subject = Subject {
        disk: &*core.environment.disk,
        dir: Path::new("/store"),
        store_id: core.identity.store_id,
        alignment: core.identity.alignment.bytes(),
        catalog,
        published: None,
        gate: None,
    };
    Verification::new(subject, &mut |_| ControlFlow::Continue(())).run().unwrap().damage
}

#[test]
fn f03_a_segment_that_is_missing_from_the_middle_of_the_log_is_reported() {
    let store = store();
    let whole = store.core().catalog.current().clone();
    assert_eq!(damage(&store, whole.clone()), []);
    assert!(whole.segments.len() > 4 && whole.segments.iter().all(|s| s.kind == SegmentKind::Log));
    for gone in 1..whole.segments.len() - 1 {
        let mut catalog = whole.clone();
        let before = catalog.segments[gone - 1].sealed.unwrap();
        catalog.segments.remove(gone);
        let found = damage(&store, catalog);
        let [hole] = &found[..] else { panic!("one hole: {found:?}") };
        assert!(hole.file.ends_with(format!("{:016x}.log", whole.segments[gone + 1].id.0)), "{hole:?}");
        assert!(hole.what.contains("a segment is missing"), "{hole:?}");
        assert_eq!(hole.sequence, Some(before.last_sequence.next()));
    }
    let mut oldest_compacted = whole;
    oldest_compacted.segments.remove(0);
    assert_eq!(damage(&store, oldest_compacted), [], "the log may begin anywhere");
}

#[test]
fn f03_a_hole_in_the_sequences_is_reported_though_no_frame_is_missing() {
    let store = store();
    let mut catalog = store.core().catalog.current().clone();
    catalog.segments[1].sealed.as_mut().unwrap().last_sequence.0 += 1;
    let found = damage(&store, catalog);
    let [hole] = &found[..] else { panic!("one hole: {found:?}") };
    assert!(hole.what.contains("stands where commit"), "{hole:?}");
}
