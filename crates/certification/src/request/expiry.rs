//! How long a request holds: it must not have expired, and not expire later than the network promises to remember it (interface
//! specification, "Authentication", `ingress_expiry`). The clock is the instance's, never the machine's.

/// How far ahead a request may expire, nanoseconds.
pub const LIFETIME: u64 = 300_000_000_000;
/// By how much the clocks of agents may differ, nanoseconds.
pub const DRIFT: u64 = 30_000_000_000;

/// A request whose expiry is not in the range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expired {
    /// The instance's time.
    pub now: u64,
    /// When the request expires.
    pub expiry: u64,
}

/// # Errors
/// If a request with this expiry does not hold at this time.
pub(super) fn check(now: u64, expiry: u64) -> Result<(), Expired> {
    if (now..=latest(now)).contains(&expiry) {
        Ok(())
    } else {
        Err(Expired { now, expiry })
    }
}

fn latest(now: u64) -> u64 {
    now.saturating_add(LIFETIME + DRIFT)
}

impl std::fmt::Display for Expired {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Expired { now, expiry } = *self;
        writeln!(f, "Specified ingress_expiry not within expected range:")?;
        writeln!(f, "Minimum allowed expiry: {}", Utc(now))?;
        writeln!(f, "Maximum allowed expiry: {}", Utc(latest(now)))?;
        writeln!(f, "Provided expiry:        {}", Utc(expiry))?;
        write!(f, "Local replica time:     {}", Utc(now))
    }
}

/// Nanoseconds since the Unix epoch, printed as a date and a time of day.
struct Utc(u64);

impl std::fmt::Display for Utc {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (seconds, nanoseconds) = (self.0 / 1_000_000_000, self.0 % 1_000_000_000);
        let (days, second) = (seconds / 86_400, seconds % 86_400);
        // Years begin in March here, so that the leap day is the last one; eras are 400 years.
        let days = days + 719_468;
        let (era, day) = (days / 146_097, days % 146_097);
        let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        let month = (5 * day + 2) / 153;
        let day = day - (153 * month + 2) / 5 + 1;
        let (month, next) = if month < 10 {
            (month + 3, 0)
        } else {
            (month - 9, 1)
        };
        let year = era * 400 + year + next;
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(
            f,
            "{year}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{nanoseconds:09} UTC"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bounds_belong_to_the_range() {
        for (expiry, holds) in [
            (99, false),
            (100, true),
            (100 + 330_000_000_000, true),
            (101 + 330_000_000_000, false),
        ] {
            assert_eq!(check(100, expiry).is_ok(), holds, "{expiry}");
        }
    }

    #[test]
    fn the_refusal_names_all_times() {
        let expired = Expired {
            now: 1_620_328_630_000_000_001,
            expiry: 951_782_399_000_000_000,
        };
        let lines = [
            "Specified ingress_expiry not within expected range:",
            "Minimum allowed expiry: 2021-05-06 19:17:10.000000001 UTC",
            "Maximum allowed expiry: 2021-05-06 19:22:40.000000001 UTC",
            "Provided expiry:        2000-02-28 23:59:59.000000000 UTC",
            "Local replica time:     2021-05-06 19:17:10.000000001 UTC",
        ];
        assert_eq!(expired.to_string(), lines.join("\n"));
        assert_eq!(
            Utc(951_868_800_000_000_000).to_string(),
            "2000-03-01 00:00:00.000000000 UTC"
        );
        assert_eq!(
            Utc(951_782_400_000_000_000).to_string(),
            "2000-02-29 00:00:00.000000000 UTC"
        );
    }
}
