//! From outcomes to what people read: tables with ratios, the targets, charts, and JSON for programs.

mod chart;
mod collected;
mod figures;
mod page;
mod tables;
mod targets;

pub(crate) use collected::Collected;
#[cfg(feature = "cluster")]
pub(crate) use figures::{digits, show};
pub(crate) use page::{earlier, write_report, write_results};
#[cfg(feature = "cluster")]
pub(crate) use page::{machine_lines, replace_between};
