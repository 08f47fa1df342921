//! Nodes in one process: alone, and three of them over the loopback interface.

mod alone;
mod conformance;
mod links;
mod partition;
mod support;
mod three;
