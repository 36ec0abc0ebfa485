//! The messages a script can hold, and how each is written.
//!
//! Owns the data and its printed form, which parses back to the same message. It does not read module files and knows
//! no canister.

use std::fmt;

use candid::Principal;
use drun_ic::canister::InstallMode;

/// One message of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Makes a canister.
    Create,
    /// Installs, reinstalls or upgrades a canister's module.
    Install {
        /// Which of the three.
        mode: InstallMode,
        /// The canister.
        canister: Principal,
        /// The path of the module as written, without blanks; relative to the working directory.
        module: String,
        /// The argument of `canister_init` or `canister_post_upgrade`.
        argument: Vec<u8>,
    },
    /// Calls an update method, as a user.
    Ingress {
        /// The canister.
        canister: Principal,
        /// The method, `[a-zA-Z_][a-zA-Z0-9_]*`.
        method: String,
        /// The argument.
        argument: Vec<u8>,
    },
    /// Calls a query method, as a user.
    Query {
        /// The canister.
        canister: Principal,
        /// The method, `[a-zA-Z_][a-zA-Z0-9_]*`.
        method: String,
        /// The argument.
        argument: Vec<u8>,
    },
}

/// A line of a script that parses to this message again. The argument is always written in hex.
impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Create => f.write_str("create"),
            Self::Install {
                mode,
                canister,
                module,
                argument,
            } => {
                write!(f, "{mode} {canister} {module} 0x{}", hex::encode(argument))
            }
            Self::Ingress {
                canister,
                method,
                argument,
            } => {
                write!(f, "ingress {canister} {method} 0x{}", hex::encode(argument))
            }
            Self::Query {
                canister,
                method,
                argument,
            } => write!(f, "query {canister} {method} 0x{}", hex::encode(argument)),
        }
    }
}
