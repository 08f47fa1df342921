//! The `pentad` command as a library of one function: [`main`] parses, runs one verb, says what went wrong, and answers with
//! an exit code that means something. `main.rs` calls it; the fuzz targets reach the parts that parse.
//!
//! Everything about storage is `pentad-engine`; what is here is the way from a shell to it and back. `args.rs` is what
//! can be typed, `verbs/` one file for each thing that can be done, `formats/` one file for each form that data comes
//! and goes in, `exit.rs` what the exit codes mean.

#![forbid(unsafe_code)]

mod args;
mod command;
mod error;
mod escape;
mod exit;
mod formats;
#[cfg(feature = "fuzz")]
pub mod fuzzing;
mod human;
mod input;
mod interrupt;
mod json;
mod loader;
mod output;
mod payload;
mod place;
mod progress;
mod real_path;
mod session;
mod target;
mod time;
mod verbs;

pub use command::main;
