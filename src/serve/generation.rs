//! What the server of a generation counted otherwise than that of today: benchmarks compare their numbers with those that were recorded with
//! the server whose version a client wants (since-october-2025-rules.md 1.1, 1.3 and 2.1). Everything else is that of today for all.

use drun_ic::protocol::{PagePrices, Protocol};

use super::wire::Codes;

/// The first number of a version; of what is none, a number larger than all.
fn major(version: &str) -> u64 {
    let major = version.split('.').next().and_then(|it| it.parse().ok());
    major.unwrap_or(u64::MAX)
}

/// True if subnets with ranges of the main network have their ids there (pocket-ic-api.md 3.2).
pub(crate) fn has_mainnet_ids(version: &str) -> bool {
    major(version) >= 13
}

/// The codes of errors that the client of a server of this version knows.
pub(crate) fn codes(version: &str) -> Codes {
    match major(version) {
        ..16 => Codes::Before16,
        _ => Codes::All,
    }
}

/// The rules of a server of this version, such as `13.0.0`.
pub(crate) fn protocol(version: &str) -> Protocol {
    let today = Protocol::NEWEST;
    let major = major(version);
    Protocol {
        pages: match major {
            ..16 => PagePrices::CHANGED,
            _ => today.pages,
        },
        base_fee: match major {
            ..15 => 0,
            _ => today.base_fee,
        },
        install_instructions: match major {
            ..14 => 0,
            _ => today.install_instructions,
        },
        ..today
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn older_servers_count_as_they_did() {
        let counted = |version| {
            let it = protocol(version);
            (it.pages, it.base_fee, it.install_instructions)
        };
        let (old, new) = (PagePrices::CHANGED, PagePrices::TOUCHED);
        assert!(!has_mainnet_ids("12.0.0") && has_mainnet_ids("13.0.0"));
        assert_eq!(counted("10.0.0"), (old, 0, 0));
        assert_eq!(counted("13.0.0"), (old, 0, 0));
        assert_eq!(counted("14.0.0"), (old, 0, 20_000_000));
        assert_eq!(counted("15.2.1"), (old, 10_000, 20_000_000));
        assert_eq!(counted("16.1.0"), (new, 10_000, 20_000_000));
        assert_eq!(counted("whatever"), (new, 10_000, 20_000_000));
    }
}
