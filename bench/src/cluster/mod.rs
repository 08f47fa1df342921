//! The replicated side: three nodes in three processes, what this machine allows, and etcd where there is one.
//!
//! Invariants: every system is given the same keys, values and numbers of callers, and is driven in a closed loop: a caller asks again
//! when it was answered. The processor time is that of all processes of a system and of who drives it.
//!
//! | file | |
//! | --- | --- |
//! | `session` | a whole run: passes, order, what is collected |
//! | `load` | the callers, and what they ask |
//! | `program` | another process of this program or of another one, that ends with its handle |
//! | `node` | the process of one node, which also drives the callers that are embedded in it |
//! | `trio` | three of those |
//! | `etcd` | three nodes of etcd |
//! | `bare` | a gRPC service that does nothing, and an echo over TCP |
//! | `collected`, `table`, `targets`, `page` | what is made of it |

mod bare;
mod collected;
mod etcd;
mod load;
mod node;
mod page;
mod program;
mod session;
mod table;
mod targets;
mod trio;

pub(crate) use bare::perform as serve_bare;
pub(crate) use node::perform as serve_node;
pub(crate) use session::perform;
