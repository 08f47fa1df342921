//! `scan --count` and `scan --estimate`: how much there is, without the rows.

use pentad_engine::Store;
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
pub(super) fn estimate(store: &Store, bounds: Option<Bounds>, json: bool) -> Result<()> {
    let estimate = match bounds {
        None => Default::default(),
        Some(bounds) => store.snapshot()?.estimate::<Vec<u8>>(bounds)?,
    };
    let mut output = Output::new();
    if json {
        output.json(&json!({ "keys": estimate.keys, "bytes": estimate.bytes }))?;
    } else {
        let keys = human::counted(estimate.keys, "key", "keys");
        output.line(&format!("about {keys}, {} on the disk", human::bytes(estimate.bytes)))?;
    }
    output.finish()
}
