//! `scan --paged` and `--resume`: a listing that goes on where it stopped.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use super::Printer;
use crate::args::ScanArgs;
use crate::error::{Failure, Result};
use crate::output::warn;
use crate::place::{Listing, Look};

/// Rows of a page when no limit is given.
const ROWS: usize = 1_000;

/// Whether a page is wanted, and not all of it.
pub(super) fn are_wanted(arguments: &ScanArgs) -> bool {
    arguments.paged || arguments.resume.is_some()
}

/// Lists a page, and says how to get the next one.
pub(super) fn list(
    place: &dyn Look,
    listing: Listing,
    arguments: &ScanArgs,
    mut printer: Printer,
) -> Result<()> {
    let token = arguments.resume.as_deref().map(parse).transpose()?;
    let limit = if arguments.limit.is_none() { ROWS } else { listing.limit };
    let (rows, next) = place.page(&Listing { limit, ..listing }, token.as_deref())?;
    for row in &rows {
        printer.print(&row.key, (!arguments.keys).then_some(&*row.value))?;
    }
    say(next, printer)
}

/// The page of bounds that hold nothing.
pub(super) fn end(printer: Printer) -> Result<()> {
    say(None, printer)
}

fn say(next: Option<Vec<u8>>, mut printer: Printer) -> Result<()> {
    let next = next.map(|token| URL_SAFE_NO_PAD.encode(token));
    if printer.json {
        printer.output.json(&json!({ "next": next }))?;
    }
    printer.output.finish()?;
    if let Some(token) = next.filter(|_| !printer.json) {
        warn(&format!("there is more: --resume {token}"));
    }
    Ok(())
}

fn parse(text: &str) -> Result<Vec<u8>> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok();
    bytes.ok_or_else(|| Failure::Refused(format!("--resume {text} is no token of a page")))
}
