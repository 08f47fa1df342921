//! From the kind of a call to who answers it.

use pentad_client::Failure;
use pentad_client::wire::{call, reply};
use pentad_engine::Store;

use super::{log, pages, points};

/// The answer to a read. A write is refused as unsupported: it goes through the log of the cluster, not here.
pub(crate) fn answer(store: &Store, kind: &call::Kind) -> reply::Kind {
    let answered = match kind {
        call::Kind::Get(request) => points::get(store, request).map(reply::Kind::Get),
        call::Kind::GetMulti(request) => points::get_multi(store, request).map(reply::Kind::GetMulti),
        call::Kind::Describe(request) => points::describe(store, request).map(reply::Kind::Describe),
        call::Kind::Range(request) => pages::range(store, request).map(reply::Kind::Range),
        call::Kind::Extent(_) => Ok(reply::Kind::Extent(log::extent(store))),
        call::Kind::Batch(request) => log::batch(store, request).map(reply::Kind::Batch),
        call::Kind::Write(_) | call::Kind::PruneBatches(_) => Err(Failure::new(
            pentad_client::FailureKind::Unsupported,
            "a write is not answered from one store",
        )),
    };
    answered.unwrap_or_else(reply::Kind::Failure)
}
