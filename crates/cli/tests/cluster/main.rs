//! Three real processes on one machine, served by `pentad serve` and asked over the network.

#![forbid(unsafe_code)]
#![cfg(unix)]

#[path = "../support/replica.rs"]
mod replica;

mod processes;
mod scenarios;
