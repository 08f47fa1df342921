//! From the kind of a call to who answers it.

use pentad_client::Failure;
use pentad_client::wire::{WithinRequest, call, reply, within_request};
use pentad_engine::Store;

use super::{log, namespaces, pages, points};

/// The answer to a read. A write is refused as unsupported: it goes through the log of the cluster, not here.
pub(crate) fn answer(store: &Store, kind: &call::Kind) -> reply::Kind {
    let answered = match kind {
        call::Kind::Get(request) => points::get(store, request).map(reply::Kind::Get),
        call::Kind::GetMulti(request) => points::get_multi(store, request).map(reply::Kind::GetMulti),
        call::Kind::Describe(request) => points::describe(store, request).map(reply::Kind::Describe),
        call::Kind::Range(request) => pages::range(store, request).map(reply::Kind::Range),
        call::Kind::Extent(_) => Ok(reply::Kind::Extent(log::extent(store))),
        call::Kind::Batch(request) => log::batch(store, request).map(reply::Kind::Batch),
        call::Kind::Namespaces(_) => namespaces::list(store).map(reply::Kind::Namespaces),
        call::Kind::Within(request) => within(store, request),
        call::Kind::Write(_) | call::Kind::PruneBatches(_) => Err(Failure::new(
            pentad_client::FailureKind::Unsupported,
            "a write is not answered from one store",
        )),
    };
    answered.unwrap_or_else(reply::Kind::Failure)
}

fn within(store: &Store, request: &WithinRequest) -> Result<reply::Kind, Failure> {
    use within_request::Kind;
    let store = namespaces::keyspace(store, &request.namespace)?;
    let text = "the read of a namespace is of a kind that this node does not know; is the client newer?";
    let unknown = || Failure::new(pentad_client::FailureKind::Unsupported, text);
    Ok(match request.kind.as_ref().ok_or_else(unknown)? {
        Kind::Get(request) => reply::Kind::Get(points::get(&store, request)?),
        Kind::GetMulti(request) => reply::Kind::GetMulti(points::get_multi(&store, request)?),
        Kind::Describe(request) => reply::Kind::Describe(points::describe(&store, request)?),
        Kind::Range(request) => reply::Kind::Range(pages::range(&store, request)?),
        Kind::Extent(_) => reply::Kind::Extent(log::extent(&store)),
        Kind::Batch(request) => reply::Kind::Batch(log::batch(&store, request)?),
    })
}
