//! The command as a shell sees it: arguments in; output, messages, exit codes and files out.

#![forbid(unsafe_code)]

#[path = "../support/mod.rs"]
mod support;

mod backup;
mod both;
#[cfg(unix)]
mod bus_error;
mod changes;
#[cfg(unix)]
mod descriptors;
mod endpoints;
mod endpoints_namespaces;
mod entries;
mod health;
mod help;
mod namespaces;
mod refusals;
mod repair;
mod rows;
mod run;
#[cfg(unix)]
mod signals;
mod tree;
mod watch;
