//! The body of the fuzz target for everything that the command parses, as an ordinary function: `fuzz/` feeds it with inputs
//! that a fuzzer thinks up, and a test replays the committed corpus.
//!
//! Invariant: it is a function of its input alone, opens no file, and panics when a promise is broken. Compiled only
//! with the feature `fuzz`.

mod arguments;
mod entry_point;
mod rows;
mod texts;

pub use entry_point::command;
