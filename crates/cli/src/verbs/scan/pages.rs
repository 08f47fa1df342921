//! `scan --paged` and `--resume`: a listing that goes on where it stopped.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use pentad_engine::{ErrorKind, Order, PageToken, Store};
use serde_json::json;

use super::{Bounds, Printer};
use crate::args::ScanArgs;
use crate::error::{Failure, Result};
use crate::output::warn;

/// Rows of a page when no limit is given.
const ROWS: usize = 1_000;

/// Lists a page, and says how to get the next one.
pub(super) fn list(
    store: &Store,
    bounds: Option<Bounds>,
    arguments: &ScanArgs,
    mut printer: Printer,
) -> Result<()> {
    let token = arguments.resume.as_deref().map(parse).transpose()?;
    let order = if arguments.reverse { Order::Backward } else { Order::Forward };
    let limit = arguments.limit.map_or(ROWS, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    let next = match bounds {
        None => None,
        Some(bounds) => {
            let page = store.page::<Vec<u8>>(bounds, order, limit, token.as_ref());
            let page = page.map_err(|error| match error.kind() {
                ErrorKind::InvalidInput => Failure::Refused(error.to_string()),
                _ => error.into(),
            })?;
            for (key, value) in &page.rows {
                printer.print(key, (!arguments.keys).then_some(&**value))?;
            }
            page.next
        }
    };
    let next = next.map(|token| URL_SAFE_NO_PAD.encode(token.to_bytes()));
    if printer.json {
        printer.output.json(&json!({ "next": next }))?;
    }
    printer.output.finish()?;
    if let Some(token) = next.filter(|_| !printer.json) {
        warn(&format!("there is more: --resume {token}"));
    }
    Ok(())
}

fn parse(text: &str) -> Result<PageToken> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok();
    let token = bytes.and_then(|bytes| PageToken::from_bytes(&bytes).ok());
    token.ok_or_else(|| Failure::Refused(format!("--resume {text} is no token of a page")))
}
