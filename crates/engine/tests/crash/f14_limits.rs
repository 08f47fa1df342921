//! F14: what is too large is refused with the limit and the actual size, and nothing is written; what is empty is
//! ordinary. (Hostile lengths in files are in `f03_rot.rs`.)

use bytes::Bytes;
use pentad_engine::{
    BATCH_BYTES_MAX, BATCH_OPERATIONS_MAX, Batch, Durability, Error, ErrorKind, KEY_BYTES_MAX, Outcome,
    Result, VALUE_BYTES_MAX,
};

use crate::harness::request::{Change, End, Request};
use crate::harness::world::{STORE, World};

/// Demands a refusal that names both numbers and leaves the store as it was.
fn refused(world: &World, result: Result<Outcome>, limit: u64, actual: u64) {
    let error: Error = result.expect_err("it is too large");
    let known = matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::LimitExceeded);
    assert!(known, "{:?}: {error}", error.kind());
    let digits: String = error.to_string().chars().filter(|char| !matches!(char, ',' | '_')).collect();
    assert!(
        digits.contains(&limit.to_string()) && digits.contains(&actual.to_string()),
        "limit {limit} and actual {actual} in: {error}"
    );
    assert_eq!(world.store().sequence().0, world.past.sequence(), "a refusal takes no sequence");
}

#[test]
fn f14_longest_key_fits_and_one_more_byte_does_not() {
    let mut world = World::opened(1);
    let longest = vec![b'k'; KEY_BYTES_MAX];
    world.commit(&Request::put(Durability::Disk, longest.clone(), b"v")).unwrap();
    let tail = world.store().tail();
    let longer = vec![b'k'; KEY_BYTES_MAX + 1];
    let (limit, actual) = (KEY_BYTES_MAX as u64, KEY_BYTES_MAX as u64 + 1);
    refused(&world, world.store().put(&longer, "v"), limit, actual);
    let mut batch = Batch::new();
    batch.put("fine", "v").put(&longer, "v");
    refused(&world, world.store().commit(batch), limit, actual);
    let mut batch = Batch::new();
    batch.rename(&longest, &longer);
    refused(&world, world.store().commit(batch), limit, actual);
    assert_eq!(world.store().tail(), tail, "nothing was written");
    assert!(world.store().get(&longer).unwrap().is_none(), "a key that cannot be there is not there");
    world.check();
    world.close().unwrap();
    world.open().unwrap();
}

#[test]
fn f14_values_beyond_the_limit_are_refused() {
    let mut world = World::opened(1);
    // Zero pages that nobody reads: the refusal comes before the bytes are touched.
    let huge = Bytes::from(vec![0; usize::try_from(VALUE_BYTES_MAX + 1).unwrap()]);
    refused(&world, world.store().put("a", huge.clone()), VALUE_BYTES_MAX, VALUE_BYTES_MAX + 1);
    let mut batch = Batch::new();
    let half = huge.slice(..huge.len() / 2 + 1);
    batch.put("a", half.clone()).put("b", half.clone());
    let error = world.store().commit(batch).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::LimitExceeded), "{error}");
    world.commit(&Request::put(Durability::Disk, "a", b"fits")).unwrap();
    world.check();
}

#[test]
fn f14_lowered_limits_hold() {
    let world = World::new(1);
    let options = world.options_on(&world.disk).key_bytes_max(10).value_bytes_max(100);
    let store = options.open(STORE).unwrap();
    store.put([b'k'; 10], vec![0; 100]).unwrap();
    for (result, limit, actual) in
        [(store.put([b'k'; 11], "v"), "10", "11"), (store.put("k", vec![0; 101]), "100", "101")]
    {
        let text = result.unwrap_err().to_string();
        assert!(text.contains(limit) && text.contains(actual), "{text}");
    }
    assert_eq!(store.sequence().0, 1);
}

#[test]
fn f14_largest_batch_fits_and_one_more_operation_does_not() {
    let mut world = World::new(1);
    // The frame of the largest batch needs a segment of its own.
    world.segment_bytes = 65_536;
    world.open().unwrap();
    let mut batch = Batch::new();
    for _ in 0..=BATCH_OPERATIONS_MAX {
        batch.delete("");
    }
    let (limit, actual) = (BATCH_OPERATIONS_MAX as u64, BATCH_OPERATIONS_MAX as u64 + 1);
    refused(&world, world.store().commit(batch), limit, actual);
    let put =
        |n: usize| Change::Put { key: n.to_le_bytes()[..4].to_vec(), value: (*b"v").into(), end: End::Never };
    world.commit(&Request::of(Durability::Disk, (0..20_000).map(put).collect())).unwrap();
    world.close().unwrap();
    world.open().unwrap();
    assert_eq!(world.store().len(), 20_000);
}

#[test]
fn f14_empty_keys_values_and_batches_are_ordinary() {
    let mut world = World::opened(1);
    world.commit(&Request::put(Durability::Disk, "", b"")).unwrap();
    world.commit(&Request::put(Durability::Disk, "empty", b"")).unwrap();
    assert_eq!(world.store().get("").unwrap().as_deref(), Some(&b""[..]));
    let outcome = world.store().commit(Batch::new()).unwrap();
    assert_eq!(outcome.sequence, None, "a batch that changes nothing takes no sequence");
    let always = Request { always: true, ..Request::of(Durability::Disk, Vec::new()) };
    world.commit(&always).unwrap();
    assert_eq!(world.past.sequence(), 3);
    world.check();
    world.close().unwrap();
    world.open().unwrap();
    world.commit(&Request::delete(Durability::Disk, "")).unwrap();
    world.check();
}

/// A rename has two entries, and takes along whatever value is there.
#[test]
fn f14_renames_do_not_take_a_commit_past_the_limits() {
    let world = World::opened(1);
    world.store().put("a", "v").unwrap();
    let renames = |count: usize| {
        let mut batch = Batch::new();
        for number in 0..count {
            let (from, to) = if number % 2 == 0 { ("a", "b") } else { ("b", "a") };
            batch.rename(from, to);
        }
        batch
    };
    let too_many = |actual: usize| {
        let error = world.store().commit(renames(actual / 2)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        let text = error.to_string();
        assert!(
            text.contains(&BATCH_OPERATIONS_MAX.to_string()) && text.contains(&actual.to_string()),
            "{text}"
        );
        assert_eq!(world.store().sequence().0, 1, "a refusal takes no sequence");
    };
    too_many(BATCH_OPERATIONS_MAX + 2);
    world.store().commit(renames(BATCH_OPERATIONS_MAX / 2)).unwrap();
    assert_eq!(world.store().sequence().0, 2);

    let long = vec![0; 64 << 20];
    world.store().put("a", long).unwrap();
    let error = world.store().commit(renames(17)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    assert!(error.to_string().contains(&BATCH_BYTES_MAX.to_string()), "{error}");
    assert_eq!(world.store().sequence().0, 3);
}
