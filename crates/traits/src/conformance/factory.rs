//! `Factory`: what every suite over an asynchronous trait needs besides the trait.
//!
//! It owns the life of a store and the passing of time; what a single suite needs more is in that suite's own
//! factory trait.

use std::time::Duration;

use super::Limits;

/// How late an implementation may let a key expire: a cluster agrees on expiry by messages.
pub const EXPIRY_LAG_MAX: Duration = Duration::from_millis(100);

/// Makes the stores that a suite works on.
///
/// The methods have no way to fail: a factory panics when it cannot do its part, which is no verdict on the store.
pub trait Factory {
    /// The implementation under test, or a client of it.
    type Store;

    /// A new, empty store. Several may be open at once.
    fn create(&self) -> impl Future<Output = Self::Store>;

    /// Closes `store` in the ordinary way and opens it again: what was acknowledged must have survived. A remote
    /// implementation connects again, and does well to restart the server too.
    fn reopen(&self, store: Self::Store) -> impl Future<Output = Self::Store>;

    /// Lets at least `duration` pass in the time of all stores of this factory. With a clock of its own the factory
    /// sets it forward; with the real one it waits.
    fn wait(&self, duration: Duration) -> impl Future<Output = ()>;

    /// The limits of the stores, if options set them lower than the contract does. Low ones keep the suite quick:
    /// at those of the contract it hands in values of more than 1 GiB.
    fn limits(&self) -> Limits {
        Limits::CONTRACT
    }
}
