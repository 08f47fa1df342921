//! `scan --count` and `scan --estimate`: how much there is, without the rows.

use serde_json::json;

use crate::error::Result;
use crate::human;
use crate::output::Output;
use crate::place::{Bounds, Look};

/// Counts the keys.
pub(super) fn count(place: &dyn Look, bounds: Option<Bounds>, json: bool) -> Result<()> {
    let count = bounds.map_or(Ok(0), |bounds| place.count(&bounds))?;
    let mut output = Output::new();
    if json {
        output.json(&json!({ "count": count }))?
    } else {
        output.line(&count.to_string())?
    }
    output.finish()
}

/// Says about how much there is.
pub(super) fn estimate(place: &dyn Look, bounds: Option<Bounds>, json: bool) -> Result<()> {
    let (keys, bytes) = bounds.map_or(Ok((0, 0)), |bounds| place.estimate(&bounds))?;
    let mut output = Output::new();
    if json {
        output.json(&json!({ "keys": keys, "bytes": bytes }))?;
    } else {
        let keys = human::counted(keys, "key", "keys");
        output.line(&format!("about {keys}, {} on the disk", human::bytes(bytes)))?;
    }
    output.finish()
}
