//! `Within`: the keys of a namespace, by way of whatever answers calls.
//!
//! Invariant: every call that is about keys says which namespace they are of, in a way that a node which knows none refuses. What is
//! one for the whole store passes as it is.

use bytes::Bytes;

use crate::caller::{Caller, InterfaceLimits};
use crate::wire::{
    Condition, Consistency, Failure, MembersResponse, Namespace, Operation, WithinRequest, call, condition,
    operation, reply, within_request,
};

/// A [`Caller`] whose keys are those of a namespace; see [`Keys::in_namespace`](crate::Keys::in_namespace).
#[derive(Clone, Copy, Debug)]
pub struct Within<'n, C> {
    caller: C,
    namespace: &'n str,
}

impl<'n, C> Within<'n, C> {
    pub(crate) fn new(caller: C, namespace: &'n str) -> Self {
        Self { caller, namespace }
    }

    /// The call as it is about the namespace.
    fn put_within(&self, kind: call::Kind) -> call::Kind {
        use within_request::Kind;
        if self.namespace.is_empty() {
            // Also nodes that know no namespaces know the store's own keyspace.
            return kind;
        }
        let read = match kind {
            call::Kind::Write(mut request) => {
                if let Some(write) = &mut request.write {
                    let namespace = || Namespace { name: self.namespace.to_owned() };
                    let within = Operation { kind: Some(operation::Kind::Within(namespace())) };
                    write.operations.insert(0, within);
                    if !write.conditions.is_empty() {
                        let within = Some(condition::Expect::Within(namespace()));
                        write.conditions.insert(0, Condition { key: Bytes::new(), expect: within });
                    }
                }
                return call::Kind::Write(request);
            }
            call::Kind::Get(request) => Kind::Get(request),
            call::Kind::GetMulti(request) => Kind::GetMulti(request),
            call::Kind::Range(request) => Kind::Range(request),
            call::Kind::Describe(request) => Kind::Describe(request),
            call::Kind::Extent(request) => Kind::Extent(request),
            call::Kind::Batch(request) => Kind::Batch(request),
            whole @ (call::Kind::PruneBatches(_) | call::Kind::Within(_) | call::Kind::Namespaces(_)) => {
                return whole;
            }
        };
        call::Kind::Within(WithinRequest { namespace: self.namespace.to_owned(), kind: Some(read) })
    }
}

impl<C: Caller> Caller for Within<'_, C> {
    fn call(&self, kind: call::Kind) -> impl Future<Output = Result<reply::Kind, Failure>> + Send {
        self.caller.call(self.put_within(kind))
    }

    fn members(&self) -> impl Future<Output = Result<MembersResponse, Failure>> + Send {
        self.caller.members()
    }

    fn limits(&self) -> InterfaceLimits {
        self.caller.limits()
    }
}

impl call::Kind {
    /// What a call has to see; a write sees the latest.
    pub fn consistency(&self) -> Consistency {
        match self {
            Self::Get(request) => request.consistency(),
            Self::GetMulti(request) => request.consistency(),
            Self::Range(request) => request.consistency(),
            Self::Describe(request) => request.consistency(),
            Self::Extent(request) => request.consistency(),
            Self::Batch(request) => request.consistency(),
            Self::Namespaces(request) => request.consistency(),
            Self::Within(request) => {
                request.kind.as_ref().map_or(Consistency::Linearizable, within_request::Kind::consistency)
            }
            Self::Write(_) | Self::PruneBatches(_) => Consistency::Linearizable,
        }
    }
}

impl within_request::Kind {
    fn consistency(&self) -> Consistency {
        match self {
            Self::Get(request) => request.consistency(),
            Self::GetMulti(request) => request.consistency(),
            Self::Range(request) => request.consistency(),
            Self::Describe(request) => request.consistency(),
            Self::Extent(request) => request.consistency(),
            Self::Batch(request) => request.consistency(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{GetRequest, WriteRequest};
    use crate::{Batch, Expect};

    struct Nobody;

    #[test]
    fn reads_and_writes_say_which_namespace_they_are_about() {
        let within = Within::new(Nobody, "orders");
        let get = within.put_within(call::Kind::Get(GetRequest { consistency: 3, ..Default::default() }));
        assert_eq!(get.consistency(), Consistency::Eventual);
        let call::Kind::Within(WithinRequest { namespace, kind: Some(within_request::Kind::Get(_)) }) = get
        else {
            panic!("a read is put within")
        };
        assert_eq!(namespace, "orders");
        let mut batch = Batch::new();
        batch.require("a", Expect::Absent).put("a", "1");
        let write = WriteRequest { write: Some(batch.into()), request: None };
        let call::Kind::Write(write) = within.put_within(call::Kind::Write(write)) else {
            panic!("a write stays one")
        };
        let write = write.write.unwrap();
        let orders = Namespace { name: "orders".to_owned() };
        assert_eq!(write.operations[0].kind, Some(operation::Kind::Within(orders.clone())));
        assert_eq!(write.conditions[0].expect, Some(condition::Expect::Within(orders)));
        assert_eq!((write.operations.len(), write.conditions.len()), (2, 2));
    }
}
