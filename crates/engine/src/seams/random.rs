//! Randomness as the engine sees it: nonces, identities and secrets.

use std::fmt::Debug;
use std::io;

/// A source of unpredictable bytes.
pub trait Random: Debug + Send + Sync + 'static {
    /// Fills `buffer` with random bytes.
    fn fill(&self, buffer: &mut [u8]) -> io::Result<()>;
}

/// The operating system's random number generator.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsRandom;

impl Random for OsRandom {
    #[expect(clippy::disallowed_methods, reason = "this is the seam")]
    fn fill(&self, buffer: &mut [u8]) -> io::Result<()> {
        getrandom::fill(buffer).map_err(io::Error::other)
    }
}
