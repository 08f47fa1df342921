//! Rules about what is refused: the error says why, nothing is written, no sequence is taken.

use bytes::Bytes;

use super::StoreEngineFactory;
use super::puts::{pairs, put, reads};
use crate::StoreEngine;
use crate::conformance::check::{Check, Unmet, equal, names_limit_and_size, refused, skip, works};

/// Neither state nor sequence nor log has moved past the one commit that put ("k", "old").
fn is_untouched<S: StoreEngine>(store: &S) -> Check {
    equal("current_sequence", store.current_sequence(), 1)?;
    let rows = works("range_scan", store.range_scan(b"", b"", 9, true))?;
    equal("range_scan", rows, pairs([("k", "old")]))?;
    equal("get_batch(2)", works("get_batch", store.get_batch(2))?, None)
}

fn create_with_one_commit<F: StoreEngineFactory>(factory: &F) -> Result<F::Store, Unmet> {
    let store = factory.create();
    put(&store, &pairs([("k", "old")]))?;
    Ok(store)
}

pub(super) fn a_batch_with_one_bad_key_writes_nothing<F: StoreEngineFactory>(factory: &F) -> Check {
    let store = create_with_one_commit(factory)?;
    let mut batch = pairs([("a", "1"), ("k", "new"), ("z", "2")]);
    batch.insert(2, (Bytes::from(vec![b'x'; factory.limits().key_bytes_max + 1]), Bytes::from("v")));
    refused("put_batch with one key beyond the limit", store.put_batch(&batch))?;
    is_untouched(&store)
}

pub(super) fn a_failed_write_leaves_no_hole<F: StoreEngineFactory>(factory: &F) -> Check {
    let store = create_with_one_commit(factory)?;
    let bad = [(Bytes::from(vec![b'x'; factory.limits().key_bytes_max + 1]), Bytes::from("v"))];
    for sequence in 2..=4 {
        refused("put_batch of a key beyond the limit", store.put_batch(&bad))?;
        equal("current_sequence after a failed write", store.current_sequence(), sequence - 1)?;
        equal("the sequence after a failed write", put(&store, &pairs([("k", "new")]))?, sequence)?;
    }
    reads(&store, b"k", Some(b"new"))
}

pub(super) fn a_key_beyond_the_limit_is_refused_with_limit_and_size<F: StoreEngineFactory>(
    factory: &F,
) -> Check {
    let store = create_with_one_commit(factory)?;
    let limit = factory.limits().key_bytes_max;
    let key = Bytes::from(vec![b'x'; limit + 1]);
    let error = refused("put_batch", store.put_batch(&[(key, Bytes::from("v"))]))?;
    names_limit_and_size(&error, limit, limit + 1)?;
    is_untouched(&store)
}

pub(super) fn a_value_beyond_the_limit_is_refused_with_limit_and_size<F: StoreEngineFactory>(
    factory: &F,
) -> Check {
    let store = create_with_one_commit(factory)?;
    let limit = factory.limits().value_bytes_max;
    let value = Bytes::from(vec![0; limit + 1]);
    let error = refused("put_batch", store.put_batch(&[(Bytes::from("k"), value)]))?;
    names_limit_and_size(&error, limit, limit + 1)?;
    is_untouched(&store)
}

pub(super) fn a_batch_of_too_many_pairs_is_refused_with_limit_and_size<F: StoreEngineFactory>(
    factory: &F,
) -> Check {
    let store = create_with_one_commit(factory)?;
    let limit = factory.limits().batch_operations_max;
    let error = refused("put_batch", store.put_batch(&vec![(Bytes::new(), Bytes::new()); limit + 1]))?;
    names_limit_and_size(&error, limit, limit + 1)?;
    is_untouched(&store)
}

pub(super) fn a_batch_of_too_many_bytes_is_refused_with_limit_and_size<F: StoreEngineFactory>(
    factory: &F,
) -> Check {
    let Some((length, number)) = factory.limits().values_beyond_batch_bytes() else {
        return skip("the other limits do not let a batch get that large");
    };
    let store = create_with_one_commit(factory)?;
    // All pairs share one buffer, which is never written to.
    let pair = (Bytes::new(), Bytes::from(vec![0; length]));
    let error = refused("put_batch", store.put_batch(&vec![pair; number]))?;
    names_limit_and_size(&error, factory.limits().batch_bytes_max, length * number)?;
    is_untouched(&store)
}

pub(super) fn a_delete_of_too_many_keys_is_refused_with_limit_and_size<F: StoreEngineFactory>(
    factory: &F,
) -> Check {
    let store = create_with_one_commit(factory)?;
    let limit = factory.limits().batch_operations_max;
    let error = refused("delete_batch", store.delete_batch(&vec![&b"k"[..]; limit + 1]))?;
    names_limit_and_size(&error, limit, limit + 1)?;
    is_untouched(&store)
}
