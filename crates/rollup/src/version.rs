//! Versions of the machine, what each changed, and the protocols that bring them (kernel-debugger.md, head and 2.3).

use std::fmt;

/// A version of the machine, the oldest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// `2.0.0`
    V0,
    /// `2.0.0-r1`
    R1,
    /// `2.0.0-r2`
    R2,
    /// `2.0.0-r3`
    R3,
    /// `2.0.0-r4`
    R4,
    /// `2.0.0-r5`
    R5,
    /// `2.0.0-r6`
    R6,
}

use Version::{R1, R2, R4, R5, R6, V0};

impl Version {
    /// All, the oldest first.
    pub const ALL: [Self; 7] = [V0, R1, R2, Self::R3, R4, R5, R6];

    /// The version with this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.name() == name)
    }

    /// As it stands under `/readonly/wasm_version`.
    pub fn name(self) -> &'static str {
        match self {
            V0 => "2.0.0",
            R1 => "2.0.0-r1",
            R2 => "2.0.0-r2",
            Self::R3 => "2.0.0-r3",
            R4 => "2.0.0-r4",
            R5 => "2.0.0-r5",
            R6 => "2.0.0-r6",
        }
    }

    /// The version a protocol switches to; nothing for protocols the machine does not know.
    pub fn of_protocol(name: &str) -> Option<Self> {
        Some(match name {
            "nairobi_017" => R1,
            "oxford_018" => R2,
            "paris_019" | "paris_020" => R4,
            "quebec_021" | "r022_022" | "s023_023" | "t024_024" => R5,
            "u025_025" | "alpha_current" => R6,
            _ => return None,
        })
    }

    /// The ticks of a period: of the collection of a level, and of every `kernel_run`.
    pub fn tick_limit(self) -> u64 {
        if self < R4 {
            11_000_000_000
        } else {
            50_000_000_000_000
        }
    }

    /// The levels for which outboxes are kept.
    pub fn outbox_validity(self) -> i32 {
        if self < R4 { 80_640 } else { 241_920 }
    }

    /// The depth of calls, `kernel_run` being the first, that is one too many.
    pub fn call_depth(self) -> usize {
        if self < R1 { 300 } else { 60_000 }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back_and_limits_change_with_r4() {
        for version in Version::ALL {
            assert_eq!(Version::parse(version.name()), Some(version));
        }
        assert_eq!(Version::parse("2.0.0-r7"), None);
        assert_eq!(Version::R3.tick_limit(), 11_000_000_000);
        assert_eq!(R4.tick_limit(), 50_000_000_000_000);
        assert_eq!(Version::of_protocol("paris_020"), Some(R4));
        assert_eq!(Version::of_protocol("mumbai_016"), None);
    }
}
