//! `KvBackend` over a node: the text that the network client uses, over [`Caller`](pentad_client::Caller).

use crate::node::Node;

pentad_client::kv_backend_over_caller!(Node);
