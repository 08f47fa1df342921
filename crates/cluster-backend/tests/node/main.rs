//! Nodes in one process: alone, and several of them over the loopback interface.

mod alone;
mod conformance;
mod crowds;
mod links;
mod partition;
mod snapshots;
mod support;
mod three;
