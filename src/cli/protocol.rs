//! `--protocol`: which dated replica, and `--protocol list`, what is known of each and from what.

use std::fmt::Write;
use std::str::FromStr;

use super::table::{Align, Table};
use crate::runner::config::Compat;
use drun_ic::protocol::{Date, Evidence, Protocol};

/// What the option says.
#[derive(Clone, Copy, Debug)]
pub(super) enum Replica {
    /// One of them.
    Of(Date),
    /// The list is wanted.
    List,
}

impl FromStr for Replica {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "list" => Ok(Replica::List),
            date => date.parse().map(Replica::Of),
        }
    }
}

/// What rests on what, for people.
pub(super) fn list() -> String {
    let mut table = Table::new(&[
        ("date", Align::Left),
        ("known", Align::Left),
        ("comes with", Align::Left),
    ]);
    for protocol in Protocol::ALL {
        let programs = [Compat::Drun, Compat::PocketIc];
        let program = programs.into_iter().find(|it| it.protocol() == protocol);
        table.row([
            protocol.date.to_string(),
            protocol.evidence.to_string(),
            match program {
                Some(program) => format!("--compat {program}"),
                None if protocol == Protocol::NEWEST => "nothing: it is the default".to_owned(),
                None => String::new(),
            },
        ]);
    }
    let mut text = table.to_string();
    for protocol in Protocol::ALL {
        if protocol.evidence == Evidence::Documents {
            let _ = write!(text, "\n{}\n{CHOSEN}", protocol.date);
        }
    }
    text
}

/// What no document says of the newest date, and what was chosen (docs/internet-computer/since-october-2025.md 11 and
/// since-october-2025-rules.md 9).
const CHOSEN: &str = "\
Documents say what there is and what it costs. These corners nobody has written down, and are chosen:
  pages touched          64 KiB cost 80,000 instructions at the first access and 80,000 more at the first write of an
                         execution, also where the first access is a write, for the heap and for stable memory, in
                         queries and in start functions too. What host functions read and write counts, data segments
                         and growing do not. It is charged where the counter is looked at, so that a slice can end a
                         little later than on the network; counters, limits and sums are the same.
  new functions          charged as their siblings; parameters of cost_http_request_v2 may have 4 KiB
  texts                  of IC0410, IC0541, IC0542, of calls with too few cycles, of outcalls that are refused; no slash
                         before the anchor of help links
  log store              counts its limit and 8 KiB, nothing if it is off
  flexible outcalls      their quote, and 1,024 bytes as the least that is delivered
  low-memory hook        runs before answers that came earlier, which is allowed
  unpublished            the limit of locals, round overheads after April 2026: as in October 2025
";
