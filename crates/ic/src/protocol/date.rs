//! The dates that there are replicas of, in order, and spans of them: since when a name is known, until when. Owns names and
//! order; what was different at a date is a row of the table in the parent.

use std::fmt;
use std::str::FromStr;

/// A dated replica by its month.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Date {
    /// The replica that the original program was built from.
    March2025,
    /// The one of PocketIC's server that Motoko's runner used.
    October2025,
    /// The network of today.
    November2026,
}

impl Date {
    /// All dates, the oldest first.
    pub const ALL: [Date; 3] = [Date::March2025, Date::October2025, Date::November2026];

    /// As users write it.
    pub const fn name(self) -> &'static str {
        match self {
            Date::March2025 => "2025-03",
            Date::October2025 => "2025-10",
            Date::November2026 => "2026-11",
        }
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Date {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Date::ALL.into_iter().find(|date| date.name() == name);
        found.ok_or_else(|| {
            let names = Date::ALL.map(Date::name).join(", ");
            format!("there is no replica of `{name}`, only of {names}")
        })
    }
}

/// The dates at which something is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Era {
    first: Date,
    last: Date,
}

impl Era {
    /// At all dates.
    pub const ALWAYS: Era = Era {
        first: Date::March2025,
        last: Date::November2026,
    };

    /// From a date on.
    pub const fn since(first: Date) -> Self {
        Era {
            first,
            last: Date::November2026,
        }
    }

    /// Up to a date, which is the last one.
    pub const fn until(last: Date) -> Self {
        Era {
            first: Date::March2025,
            last,
        }
    }

    /// The first date at which it is known.
    pub fn first(self) -> Date {
        self.first
    }

    /// Is it known at this date?
    pub fn contains(self, date: Date) -> bool {
        self.first <= date && date <= self.last
    }
}

impl fmt::Display for Era {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.first, self.last) {
            (first, Date::November2026) => write!(f, "from {first} on"),
            (Date::March2025, last) => write!(f, "up to {last}"),
            (first, last) => write!(f, "from {first} to {last}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_as_they_are_printed_and_others_are_told_what_there_is() {
        for date in Date::ALL {
            assert_eq!(date.to_string().parse(), Ok(date));
        }
        assert_eq!(
            "2024-01".parse::<Date>(),
            Err("there is no replica of `2024-01`, only of 2025-03, 2025-10, 2026-11".to_owned())
        );
    }

    /// The newest date ends every open span: a new one has to be put there too.
    #[test]
    fn an_open_span_reaches_to_the_newest_date() {
        let newest = Date::ALL[Date::ALL.len() - 1];
        assert!(Date::ALL.is_sorted());
        assert!(Era::ALWAYS.contains(newest));
        assert!(Era::since(Date::October2025).contains(newest));
        assert!(!Era::since(Date::October2025).contains(Date::March2025));
        assert!(!Era::until(Date::March2025).contains(Date::October2025));
        assert_eq!(Era::since(Date::October2025).to_string(), "from 2025-10 on");
        assert_eq!(Era::until(Date::March2025).to_string(), "up to 2025-03");
    }
}
