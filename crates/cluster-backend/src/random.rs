//! Random numbers of the operating system: ids that must not meet, and names.

use crate::error::{Error, ErrorKind, Result};

/// 16 bytes.
pub(crate) fn id() -> Result<[u8; 16]> {
    let mut id = [0; 16];
    fill(&mut id)?;
    Ok(id)
}

pub(crate) fn number() -> Result<u64> {
    let mut bytes = [0; 8];
    fill(&mut bytes)?;
    Ok(u64::from_le_bytes(bytes))
}

fn fill(bytes: &mut [u8]) -> Result<()> {
    getrandom::fill(bytes).map_err(|error| {
        Error::new(ErrorKind::Io, format!("the operating system gave no random bytes: {error}"))
    })
}
