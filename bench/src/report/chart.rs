//! Bar charts as SVG, drawn by hand: they need no font, no script and no library, and a diff of one can be read.
//!
//! Bars are scaled within their row, because rows have different units; the figure stands beside the bar.

use std::fmt::Write;

use super::collected::{Row, Set};
use super::figures::show;
use crate::engines::EngineKind;

const WIDTH: usize = 760;
/// Left of the bars: the names of the stores.
const NAMES: usize = 110;
/// Right of them: the figures.
const FIGURES: usize = 90;
const BAR: usize = 14;
const HEADING: usize = 30;

/// A chart of all speeds of a data set; `None` when it has none.
pub(super) fn speeds(set: &Set, engines: &[EngineKind]) -> Option<String> {
    let rows = set.workloads().into_iter().flat_map(|workload| set.rows_of(workload));
    let rows: Vec<&Row> = rows.filter(|row| !row.cpu_us.is_empty()).collect();
    if rows.is_empty() {
        return None;
    }
    let bars = |row: &Row| engines.iter().filter(|kind| row.median(**kind).is_some()).count();
    let height: usize = rows.iter().map(|row| HEADING + bars(row) * (BAR + 2)).sum::<usize>() + HEADING + 10;
    let mut svg = String::new();
    writeln!(
        svg,
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="11">"#
    )
    .expect("text");
    writeln!(svg, r##"<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>"##).expect("text");
    let mut y = 20;
    let title = escaped(&format!("{}: longer is faster, each row with a scale of its own", set.data));
    writeln!(svg, r#"<text x="8" y="{y}" font-size="13" font-weight="bold">{title}</text>"#).expect("text");
    for row in rows {
        y += HEADING;
        let title = escaped(&format!("{}: {}", row.workload, row.row));
        writeln!(svg, r#"<text x="8" y="{}" font-weight="bold">{title}</text>"#, y - 6).expect("text");
        draw(row, engines, &mut y, &mut svg);
    }
    svg.push_str("</svg>\n");
    Some(svg)
}

fn draw(row: &Row, engines: &[EngineKind], y: &mut usize, svg: &mut String) {
    let values: Vec<(EngineKind, f64)> =
        engines.iter().filter_map(|kind| Some((*kind, row.median(*kind)?))).collect();
    let longest = values.iter().map(|(_, value)| *value).fold(f64::MIN_POSITIVE, f64::max);
    for (kind, value) in values {
        let width = value / longest * (WIDTH - NAMES - FIGURES - 16) as f64;
        let (text, end) = (*y + 11, NAMES as f64 + width + 5.0);
        writeln!(svg, r#"<text x="{}" y="{text}" text-anchor="end">{}</text>"#, NAMES - 6, kind.name())
            .expect("text");
        writeln!(
            svg,
            r#"<rect x="{NAMES}" y="{y}" width="{width:.1}" height="{BAR}" fill="{}"/>"#,
            colour(kind)
        )
        .expect("text");
        writeln!(svg, r#"<text x="{end:.1}" y="{text}">{}</text>"#, escaped(&show(value, row.unit)))
            .expect("text");
        *y += BAR + 2;
    }
}

/// Pentad in a strong colour, the limit in grey, the others told apart also by people who see few colours (Okabe and Ito).
fn colour(kind: EngineKind) -> &'static str {
    match kind {
        EngineKind::Pentad => "#d55e00",
        EngineKind::Limit => "#bbbbbb",
        EngineKind::SimdRDrive => "#0072b2",
        EngineKind::Lmdb => "#009e73",
        EngineKind::Redb => "#cc79a7",
        EngineKind::Fjall => "#56b4e9",
        EngineKind::RocksDb => "#e69f00",
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
