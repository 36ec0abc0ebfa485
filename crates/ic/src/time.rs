//! Points in time as text: nanoseconds since 1970-01-01 00:00:00 UTC to and from the civil calendar.
//!
//! Owns the calendar's arithmetic, for any `u64` of nanoseconds (to the year 2554). It reads no clock.

use nom::bytes::complete::{take_while_m_n, take_while1};
use nom::character::complete::{char, one_of};
use nom::combinator::{all_consuming, map, map_res, opt, value};
use nom::sequence::{preceded, terminated};
use nom::{IResult, Parser};

const NANOS_PER_SECOND: u64 = 1_000_000_000;
const SECONDS_PER_DAY: u64 = 86_400;
const EPOCH_YEAR: u64 = 1970;

/// A time as the replica writes it before a debug print: `2021-05-06 19:17:10.000000003 UTC`. The fraction is left out
/// or has three, six or nine digits, the fewest that tell it exactly.
pub fn utc(time_ns: u64) -> String {
    let (seconds, nanos) = (time_ns / NANOS_PER_SECOND, time_ns % NANOS_PER_SECOND);
    let (year, month, day) = date(seconds / SECONDS_PER_DAY);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    let fraction = if nanos == 0 {
        String::new()
    } else if nanos.is_multiple_of(1_000_000) {
        format!(".{:03}", nanos / 1_000_000)
    } else if nanos.is_multiple_of(1_000) {
        format!(".{:06}", nanos / 1_000)
    } else {
        format!(".{nanos:09}")
    };
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}{fraction} UTC")
}

/// Reads a time such as `2021-05-06T19:17:10Z` or `2021-05-06T21:17:10.5+02:00` (RFC 3339), in nanoseconds since 1970.
///
/// # Errors
/// Why not, in a few words: another form, a day or hour that does not exist, more than nine digits behind the point, a
/// leap second, a time before 1970 or too late for 64 bits (2554-07-21T23:34:33.709551615Z is the last).
pub fn parse_rfc3339(text: &str) -> Result<u64, String> {
    let (_, ((year, month, day), (hour, minute, second), digits, offset)) =
        all_consuming((calendar, clock, fraction, offset))
            .parse(text)
            .map_err(|_| "not a time such as 2021-05-06T19:17:10Z")?;
    if !(1..=12).contains(&month) || day < 1 || day > days_in_month(year, month) {
        return Err("there is no such day".into());
    }
    if hour > 23 || minute > 59 || second > 59 {
        return Err("there is no such time of day".into());
    }
    if offset.hours > 23 || offset.minutes > 59 {
        return Err("there is no such offset from UTC".into());
    }
    if digits.len() > 9 {
        return Err("more than nine digits behind the point".into());
    }
    let nanos: u64 = format!("{digits:0<9}")
        .parse()
        .map_err(|_| "not a fraction of a second")?;

    let days = days_before(year)
        + (1..month)
            .map(|month| days_in_month(year, month))
            .sum::<u64>()
        + (day - 1);
    // Both counted from the year 0, where nothing is negative. A place ahead of UTC has the same hour earlier.
    let local = days * SECONDS_PER_DAY + hour * 3600 + minute * 60 + second;
    let ahead = offset.hours * 3600 + offset.minutes * 60;
    let epoch = days_before(EPOCH_YEAR) * SECONDS_PER_DAY;
    let seconds = if offset.behind {
        (local + ahead).checked_sub(epoch)
    } else {
        local.checked_sub(epoch + ahead)
    };
    seconds
        .and_then(|seconds| seconds.checked_mul(NANOS_PER_SECOND)?.checked_add(nanos))
        .ok_or_else(|| "before 1970 or after July 2554".into())
}

/// How far a local time is from UTC.
#[derive(Clone, Copy)]
struct Offset {
    behind: bool,
    hours: u64,
    minutes: u64,
}

/// Year, month, day.
fn calendar(input: &str) -> IResult<&str, (u64, u64, u64), ()> {
    terminated(
        (
            digits(4),
            preceded(char('-'), digits(2)),
            preceded(char('-'), digits(2)),
        ),
        one_of("Tt "),
    )
    .parse(input)
}

/// Hour, minute, second.
fn clock(input: &str) -> IResult<&str, (u64, u64, u64), ()> {
    (
        digits(2),
        preceded(char(':'), digits(2)),
        preceded(char(':'), digits(2)),
    )
        .parse(input)
}

/// The digits behind the point, if there is one.
fn fraction(input: &str) -> IResult<&str, &str, ()> {
    let digits = take_while1(|c: char| c.is_ascii_digit());
    map(opt(preceded(char('.'), digits)), Option::unwrap_or_default).parse(input)
}

fn offset(input: &str) -> IResult<&str, Offset, ()> {
    let utc = Offset {
        behind: false,
        hours: 0,
        minutes: 0,
    };
    let numeric = (one_of("+-"), digits(2), preceded(char(':'), digits(2)));
    value(utc, one_of("Zz"))
        .or(map(numeric, |(sign, hours, minutes)| Offset {
            behind: sign == '-',
            hours,
            minutes,
        }))
        .parse(input)
}

/// A number of exactly so many digits.
fn digits<'a>(count: usize) -> impl Parser<&'a str, Output = u64, Error = ()> {
    map_res(
        take_while_m_n(count, count, |c: char| c.is_ascii_digit()),
        str::parse,
    )
}

/// Year, month and day that begin so many days after 1970-01-01.
fn date(days_since_epoch: u64) -> (u64, u64, u64) {
    let days = days_before(EPOCH_YEAR) + days_since_epoch;
    // No year is longer than 366 days, so this is the right year or shortly before it.
    let mut year = EPOCH_YEAR + days_since_epoch / 366;
    while days_before(year + 1) <= days {
        year += 1;
    }
    let mut day = days - days_before(year);
    let mut month = 1;
    while day >= days_in_month(year, month) {
        day -= days_in_month(year, month);
        month += 1;
    }
    (year, month, day + 1)
}

/// Days from the first day of the year 0 to the first day of this one, in the Gregorian calendar.
fn days_before(year: u64) -> u64 {
    // The year 0 is a leap year itself, hence each division rounds up.
    365 * year + year.div_ceil(4) - year.div_ceil(100) + year.div_ceil(400)
}

/// The month counts from 1.
fn days_in_month(year: u64, month: u64) -> u64 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The genesis time of a PocketIC server, 2021-05-06 19:17:10 UTC.
    const GENESIS: u64 = 1_620_328_630_000_000_000;

    #[test]
    fn fractions_have_zero_three_six_or_nine_digits() {
        for (nanos, text) in [
            (0, "2021-05-06 19:17:10 UTC"),
            (123_000_000, "2021-05-06 19:17:10.123 UTC"),
            (120_000_000, "2021-05-06 19:17:10.120 UTC"),
            (123_456_000, "2021-05-06 19:17:10.123456 UTC"),
            (1_000, "2021-05-06 19:17:10.000001 UTC"),
            (1, "2021-05-06 19:17:10.000000001 UTC"),
            (999_999_999, "2021-05-06 19:17:10.999999999 UTC"),
        ] {
            assert_eq!(utc(GENESIS + nanos), text);
        }
    }

    #[test]
    fn known_seconds_give_their_dates() {
        // Well-known points of Unix time.
        for (seconds, text) in [
            (0, "1970-01-01 00:00:00 UTC"),
            (951_782_399, "2000-02-28 23:59:59 UTC"),
            (951_782_400, "2000-02-29 00:00:00 UTC"),
            (1_000_000_000, "2001-09-09 01:46:40 UTC"),
            (1_234_567_890, "2009-02-13 23:31:30 UTC"),
            (1_735_689_599, "2024-12-31 23:59:59 UTC"),
            (2_147_483_648, "2038-01-19 03:14:08 UTC"),
            (4_107_542_400, "2100-03-01 00:00:00 UTC"),
            (4_107_542_399, "2100-02-28 23:59:59 UTC"),
        ] {
            assert_eq!(utc(seconds * NANOS_PER_SECOND), text);
        }
        assert_eq!(utc(u64::MAX), "2554-07-21 23:34:33.709551615 UTC");
    }

    #[test]
    fn every_day_follows_the_one_before() {
        let mut expected = (1970, 1, 1);
        for days in 0..u64::MAX / NANOS_PER_SECOND / SECONDS_PER_DAY {
            assert_eq!(date(days), expected);
            let (year, month, day) = expected;
            expected = if day < days_in_month(year, month) {
                (year, month, day + 1)
            } else if month < 12 {
                (year, month + 1, 1)
            } else {
                (year + 1, 1, 1)
            };
        }
    }

    #[test]
    fn times_with_offset_and_fraction_are_read() {
        for (text, time) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2021-05-06T19:17:10Z", GENESIS),
            ("2021-05-06 19:17:10z", GENESIS),
            ("2021-05-06t19:17:10.000000003Z", GENESIS + 3),
            ("2021-05-06T19:17:10.5Z", GENESIS + 500_000_000),
            ("2021-05-06T21:17:10+02:00", GENESIS),
            ("2021-05-06T13:47:10-05:30", GENESIS),
            ("2021-05-07T00:47:10+05:30", GENESIS),
            ("1970-01-01T05:30:00.1+05:30", 100_000_000),
            ("1969-12-31T23:00:00-01:00", 0),
            ("2554-07-21T23:34:33.709551615Z", u64::MAX),
        ] {
            assert_eq!(parse_rfc3339(text), Ok(time), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused_with_its_reason() {
        for (text, reason) in [
            ("", "not a time"),
            ("now", "not a time"),
            ("2021-05-06", "not a time"),
            ("2021-05-06T19:17:10", "not a time"),
            ("2021-05-06T19:17:10 Z", "not a time"),
            ("2021-05-06T19:17:10.Z", "not a time"),
            ("2021-05-06T19:17:10+0200", "not a time"),
            ("2021-5-06T19:17:10Z", "not a time"),
            ("+021-05-06T19:17:10Z", "not a time"),
            ("2021-05-06T19:17:10Zé", "not a time"),
            ("2021-02-29T00:00:00Z", "no such day"),
            ("2021-13-01T00:00:00Z", "no such day"),
            ("2021-00-01T00:00:00Z", "no such day"),
            ("2021-01-00T00:00:00Z", "no such day"),
            ("2021-01-01T24:00:00Z", "no such time"),
            ("2021-01-01T00:60:00Z", "no such time"),
            ("2016-12-31T23:59:60Z", "no such time"),
            ("2021-01-01T00:00:00+24:00", "no such offset"),
            ("2021-01-01T00:00:00+00:60", "no such offset"),
            ("2021-01-01T00:00:00.0000000001Z", "nine digits"),
            ("1969-12-31T23:59:59Z", "before 1970"),
            ("0000-01-01T00:00:00+23:59", "before 1970"),
            ("1970-01-01T00:00:00+00:01", "before 1970"),
            ("2554-07-21T23:34:33.709551616Z", "after July 2554"),
            ("9999-12-31T23:59:59Z", "after July 2554"),
        ] {
            let error = parse_rfc3339(text).expect_err(text);
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
