//! Rules about puts and deletes: stored as given, whole, and for good.

use bytes::Bytes;

use super::ClientApiFactory;
use crate::conformance::check::{Check, ensure, equal, names_limit_and_size, refused, shown, works};
use crate::conformance::driving::{poll_once_and_drop, yield_once};
use crate::{ClientApi, ClientApiError, ErrorCode};

/// `key` has `wanted`, by `get`.
pub(super) async fn reads<S: ClientApi>(store: &S, key: &[u8], wanted: Option<&[u8]>) -> Check {
    let found = works(format_args!("get({})", shown(key)), store.get(key).await)?;
    equal(format_args!("the value of {}", shown(&Bytes::copy_from_slice(key))), found.as_deref(), wanted)
}

pub(super) async fn a_value_is_read_as_it_was_put<F: ClientApiFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    reads(&store, b"k", None).await?;
    works("put", store.put(b"k", b"one").await)?;
    reads(&store, b"k", Some(b"one")).await?;
    works("put over a value", store.put(b"k", b"two").await)?;
    reads(&store, b"k", Some(b"two")).await?;
    reads(&store, b"K", None).await?;
    works("delete", store.delete(b"k").await)?;
    reads(&store, b"k", None).await
}

pub(super) async fn any_bytes_are_a_key_and_a_value<F: ClientApiFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    let every_byte: Vec<u8> = (0..=u8::MAX).collect();
    let longest_key = vec![b'k'; factory.limits().key_bytes_max];
    let large = every_byte.repeat(300);
    let pairs: [(&[u8], &[u8]); 7] = [
        (b"", b"the value of the empty key"),
        (b"the key of the empty value", b""),
        (b"\0", b"\0"),
        (b"\0\0", b"\0\0"),
        (b"\xff\xfe", b"\xff"),
        (&every_byte, &large),
        (&longest_key, b"v"),
    ];
    for (key, value) in pairs {
        works(format_args!("put({}, {})", shown(key), shown(value)), store.put(key, value).await)?;
    }
    for (key, value) in pairs {
        reads(&store, key, Some(value)).await?;
    }
    Ok(())
}

pub(super) async fn keys_and_values_are_passed_in_any_form<F: ClientApiFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    works("put of str", store.put("str", "1").await)?;
    works("put of String", store.put(String::from("string"), String::from("2")).await)?;
    works("put of Vec", store.put(b"vec".to_vec(), b"3".to_vec()).await)?;
    works("put of Bytes", store.put(Bytes::from_static(b"bytes"), Bytes::from_static(b"4")).await)?;
    for (key, value) in [("str", b"1"), ("string", b"2"), ("vec", b"3"), ("bytes", b"4")] {
        reads(&store, key.as_bytes(), Some(value)).await?;
    }
    Ok(())
}

pub(super) async fn acknowledged_writes_survive_reopening<F: ClientApiFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    works("put", store.put("kept", "v").await)?;
    works("put", store.put("deleted", "v").await)?;
    works("delete", store.delete("deleted").await)?;
    works("compare_and_swap", store.compare_and_swap("swapped", None::<&str>, "v").await)?;
    let store = factory.reopen(store).await;
    reads(&store, b"kept", Some(b"v")).await?;
    reads(&store, b"deleted", None).await?;
    reads(&store, b"swapped", Some(b"v")).await
}

pub(super) async fn a_dropped_write_is_whole_or_absent<F: ClientApiFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    let (old, new) = (vec![b'o'; 70_000], vec![b'n'; 70_000]);
    for round in 0..8_u8 {
        let key = [b'k', round];
        works("put", store.put(key, &old).await)?;
        poll_once_and_drop(store.put(key, &new)).await;
        for _ in 0..20 {
            let found = works("get", store.get(key).await)?;
            ensure(
                found.as_deref() == Some(&old[..]) || found.as_deref() == Some(&new[..]),
                "after the future of a put was dropped, the value is neither the old nor the new one",
            )?;
            yield_once().await;
        }
    }
    Ok(())
}

pub(super) async fn a_write_that_was_never_polled_does_nothing<F: ClientApiFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    works("put", store.put("k", "old").await)?;
    drop(store.put("k", "new"));
    drop(store.delete("k"));
    drop(store.put("new key", "new"));
    reads(&store, b"k", Some(b"old")).await?;
    reads(&store, b"new key", None).await
}

pub(super) async fn deleting_a_missing_key_is_no_error<F: ClientApiFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    works("delete of a missing key", store.delete("k").await)?;
    works("put", store.put("k", "v").await)?;
    works("delete", store.delete("k").await)?;
    works("delete of a deleted key", store.delete("k").await)?;
    reads(&store, b"k", None).await
}

/// The error is a refusal of the request that gives both numbers.
fn is_beyond_limit(error: &ClientApiError, limit: usize, size: usize) -> Check {
    ensure(
        matches!(error, ClientApiError::Business { .. }),
        format_args!("the error {} is not of the class Business", shown(error)),
    )?;
    equal("the code", error.code(), ErrorCode::InvalidRequest)?;
    names_limit_and_size(error.message(), limit, size)
}

pub(super) async fn a_key_beyond_the_limit_is_refused_with_limit_and_size<F: ClientApiFactory>(
    factory: &F,
) -> Check {
    let store = factory.create().await;
    let limit = factory.limits().key_bytes_max;
    let key = vec![b'k'; limit + 1];
    let error = refused("put of a key beyond the limit", store.put(&key, "v").await)?;
    is_beyond_limit(&error, limit, limit + 1)?;
    let error = refused("a swap of one", store.compare_and_swap(&key, None::<&str>, "v").await)?;
    is_beyond_limit(&error, limit, limit + 1)
}

pub(super) async fn a_value_beyond_the_limit_is_refused_with_limit_and_size<F: ClientApiFactory>(
    factory: &F,
) -> Check {
    let store = factory.create().await;
    let limit = factory.limits().value_bytes_max;
    let value = vec![0; limit + 1];
    works("put", store.put("k", "old").await)?;
    let error = refused("put of a value beyond the limit", store.put("k", &value).await)?;
    is_beyond_limit(&error, limit, limit + 1)?;
    reads(&store, b"k", Some(b"old")).await
}
