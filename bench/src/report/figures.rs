//! Figures as people read them: three digits and a unit.

use crate::outcome::Unit;

/// A value with its unit, short.
pub(crate) fn show(value: f64, unit: Unit) -> String {
    match unit {
        Unit::PerSecond => format!("{}/s", scaled(value, 1000.0, &["", "k", "M", "G"])),
        Unit::Milliseconds if value < 1.0 => format!("{} µs", digits(value * 1000.0)),
        Unit::Milliseconds if value >= 10_000.0 => format!("{} s", digits(value / 1000.0)),
        Unit::Milliseconds => format!("{} ms", digits(value)),
        Unit::Microseconds if value >= 10_000.0 => format!("{} ms", digits(value / 1000.0)),
        Unit::Microseconds => format!("{} µs", digits(value)),
        Unit::MebibytesPerSecond => format!("{} MiB/s", digits(value)),
        Unit::Bytes => format!("{}B", scaled(value, 1000.0, &["", "k", "M", "G"])),
        Unit::BytesPerKey => format!("{} B", digits(value)),
        Unit::ShareMoreIsBetter | Unit::ShareLessIsBetter => format!("{value:.2}"),
    }
}

/// How many times better the first value is than the second; `None` when there is nothing to divide by.
pub(super) fn advantage(ours: f64, theirs: f64, unit: Unit) -> Option<f64> {
    let (above, below) = if unit.more_is_better() { (ours, theirs) } else { (theirs, ours) };
    (above > 0.0 && below > 0.0).then(|| above / below)
}

/// A ratio: two digits below ten, none above a hundred.
pub(super) fn times(ratio: f64) -> String {
    match ratio {
        ratio if ratio < 10.0 => format!("{ratio:.2}×"),
        ratio if ratio < 100.0 => format!("{ratio:.1}×"),
        ratio => format!("{ratio:.0}×"),
    }
}

/// Three digits that count.
pub(crate) fn digits(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

fn scaled(mut value: f64, step: f64, prefixes: &[&str]) -> String {
    let mut at = 0;
    while value.abs() >= step && at + 1 < prefixes.len() {
        value /= step;
        at += 1;
    }
    if at == 0 { format!("{value:.0} ") } else { format!("{} {}", digits(value), prefixes[at]) }
}

#[cfg(test)]
mod tests {
    use super::{advantage, show, times};
    use crate::outcome::Unit;

    #[test]
    fn figures_are_short_and_have_their_unit() {
        let shown = [
            show(4_512_345.0, Unit::PerSecond),
            show(830.0, Unit::PerSecond),
            show(0.09, Unit::Milliseconds),
            show(116.0, Unit::Milliseconds),
            show(128_000_000.0, Unit::Bytes),
            show(1.234, Unit::ShareLessIsBetter),
        ];
        assert_eq!(shown, ["4.51 M/s", "830 /s", "90.0 µs", "116 ms", "128 MB", "1.23"]);
        assert_eq!([times(1.234), times(12.34), times(123.4)], ["1.23×", "12.3×", "123×"]);
    }

    #[test]
    fn an_advantage_above_one_is_ours_whichever_way_the_unit_goes() {
        assert_eq!(advantage(2.0, 1.0, Unit::PerSecond), Some(2.0));
        assert_eq!(advantage(2.0, 1.0, Unit::Milliseconds), Some(0.5));
        assert_eq!(advantage(2.0, 0.0, Unit::Bytes), None);
    }
}
