//! What a check says when it runs on its own, outside `ci`.

use crate::error::Result;

/// Prints the note of a check that passed.
pub(crate) fn tell(note: Result<String>) -> Result<()> {
    match note?.as_str() {
        "" => println!("passed"),
        note => println!("passed: {note}"),
    }
    Ok(())
}
