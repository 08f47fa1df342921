//! `ClientApi` over a node: the text that the network client uses, over [`Caller`].

use std::sync::Arc;

use pentad_client::wire::{self, call, reply};
use pentad_client::{Caller, Failure, InterfaceLimits};

use crate::error::{Error, ErrorKind};
use crate::node::Node;

impl Caller for Node {
    async fn call(&self, kind: call::Kind) -> Result<reply::Kind, Failure> {
        match Self::call(self, wire::Call { number: 0, timeout_ms: 0, kind: Some(kind) }).await.kind {
            Some(reply::Kind::Failure(failure)) => Err(failure),
            Some(kind) => Ok(kind),
            None => {
                let error = Error::new(ErrorKind::Unsupported, "the call got no answer");
                Err(error.with_unknown_outcome().into())
            }
        }
    }

    async fn members(&self) -> Result<wire::MembersResponse, Failure> {
        let shared = Arc::clone(self.shared());
        Ok(self.run(async move { shared.members().await }).await?)
    }

    fn limits(&self) -> InterfaceLimits {
        self.interface_limits()
    }
}

pentad_client::client_api_over_caller!(Node);
