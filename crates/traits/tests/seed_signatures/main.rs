//! The signatures are those of the systems that the traits come from, down to the lifetimes.
//!
//! The implementations in the child modules are written without the macro, with each method spelled as the
//! documentation of its system prints it. They compile only while the traits say the same; a changed bound, lifetime
//! or return type is a compile error here. The tests below use the traits as code written against a seed does.

mod callers;
mod client_api;
mod data_store_reader;
mod data_store_writer;
mod kv_backend;
mod store_engine;

use std::pin::Pin;

/// What the seeds write as `Pin<Box<dyn Future<Output = T> + Send + 'a>>`.
type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Implements all five traits, by name only.
#[derive(Debug)]
struct Spelled;

fn never_called<T>() -> T {
    unreachable!("the signatures are compiled, not called")
}
