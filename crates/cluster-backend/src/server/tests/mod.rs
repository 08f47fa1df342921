//! The services of keys and the network client, over loopback, with a plain store in the place of the node.

mod answers;
mod conformance;
mod hostile;
mod local;
mod retries;
mod server;
mod watches;
