//! Which program is re-enacted.
//!
//! Owns the name of the choice and the date of its recordings; what else follows from it is the business of each program's own
//! file.

use std::fmt;
use std::str::FromStr;

use drun_ic::protocol::Protocol;

/// The tool whose circumstances are reproduced, so that a suite made with it passes unchanged: canister ids and their
/// sequence, initial cycles and controllers, the sender of messages, the clock, whether messages are inspected, and how
/// an explicit reject prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compat {
    /// The original `drun`.
    #[default]
    Drun,
    /// The runner on a PocketIC server.
    PocketIc,
}

impl Compat {
    /// The replica that its recordings were made with.
    pub fn protocol(self) -> Protocol {
        match self {
            Self::Drun => Protocol::MARCH_2025,
            Self::PocketIc => Protocol::OCTOBER_2025,
        }
    }
}

impl FromStr for Compat {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "drun" => Ok(Self::Drun),
            "pocket-ic" => Ok(Self::PocketIc),
            _ => Err(format!("`{name}` is neither `drun` nor `pocket-ic`")),
        }
    }
}

impl fmt::Display for Compat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Drun => "drun",
            Self::PocketIc => "pocket-ic",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_printed() {
        for (name, compat) in [("drun", Compat::Drun), ("pocket-ic", Compat::PocketIc)] {
            assert_eq!(name.parse(), Ok(compat));
            assert_eq!(compat.to_string(), name);
        }
        assert!("Drun".parse::<Compat>().is_err());
    }
}
