//! Store time as RFC 3339 text in UTC, to the nanosecond.
//!
//! The date comes from the count of days by Howard Hinnant's `civil_from_days` ("chrono-compatible low-level date
//! algorithms"): years are taken to begin in March, so the leap day is the last of the year, and 400 years are always
//! 146,097 days.

use pentad_engine::Timestamp;

const NANOSECONDS: u64 = 1_000_000_000;
const SECONDS_PER_DAY: u64 = 86_400;
const DAYS_PER_ERA: u64 = 146_097;
/// From 0000-03-01 to 1970-01-01.
const DAYS_BEFORE_1970: u64 = 719_468;

/// `2026-11-21T04:00:00.123456789Z`; the last time that there is falls into the year 2554.
pub(crate) fn rfc3339(time: Timestamp) -> String {
    let seconds = time.0 / NANOSECONDS;
    let (year, month, day) = civil_date(seconds / SECONDS_PER_DAY);
    let second = seconds % SECONDS_PER_DAY;
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{:09}Z",
        second / 3_600,
        second / 60 % 60,
        second % 60,
        time.0 % NANOSECONDS
    )
}

/// Year, month (1 to 12) and day (1 to 31) of a day counted from 1970-01-01.
fn civil_date(days_since_1970: u64) -> (u64, u64, u64) {
    let days = days_since_1970 + DAYS_BEFORE_1970;
    let era = days / DAYS_PER_ERA;
    let day_of_era = days % DAYS_PER_ERA;
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_instants_are_written_as_known() {
        assert_eq!(rfc3339(Timestamp(0)), "1970-01-01T00:00:00.000000000Z");
        assert_eq!(rfc3339(Timestamp(951_782_400 * NANOSECONDS)), "2000-02-29T00:00:00.000000000Z");
        assert_eq!(rfc3339(Timestamp(1_000_000_000 * NANOSECONDS + 5)), "2001-09-09T01:46:40.000000005Z");
        assert_eq!(rfc3339(Timestamp(4_107_542_399 * NANOSECONDS)), "2100-02-28T23:59:59.000000000Z");
        assert_eq!(rfc3339(Timestamp(u64::MAX)), "2554-07-21T23:34:33.709551615Z");
    }

    #[test]
    fn every_day_for_six_centuries_follows_the_one_before() {
        let mut expected = (1970, 1, 1);
        for day in 0..220_000 {
            assert_eq!(civil_date(day), expected, "day {day}");
            let (year, month, day_of_month) = expected;
            let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let length = match month {
                2 => 28 + u64::from(leap),
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            expected = match (month, day_of_month) {
                (12, 31) => (year + 1, 1, 1),
                (_, last) if last == length => (year, month + 1, 1),
                _ => (year, month, day_of_month + 1),
            };
        }
    }
}
