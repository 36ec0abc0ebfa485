//! Outcomes as lines of text, in the format that was asked for.
//!
//! Owns the formats, the message counter and the line of a debug print. It knows no canister state; what it prints is
//! all in [`Outcome`].

mod json;
mod lines;
pub mod style;
mod text;
pub mod visible;

use std::str::FromStr;

use candid::Principal;

use drun_ic::management::types::lifecycle::CanisterIdRecord;
use drun_ic::observe::Unseen;

use crate::runner::outcome::{MessageKind, MessageResult, Outcome, Wording};
use drun_ic::protocol::Date;

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// For people, with the message's number.
    #[default]
    Manual,
    /// Byte for byte what the expected outputs of existing suites hold.
    Drun,
    /// For machines: one JSON object per line, described in `JSON.md`.
    Json,
    /// For expected outputs: nothing that depends on what stands before.
    Lines,
}

impl Format {
    /// What options and suite files call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::Drun => "drun",
            Self::Json => "json",
            Self::Lines => "lines",
        }
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "manual" => Ok(Self::Manual),
            "drun" => Ok(Self::Drun),
            "json" => Ok(Self::Json),
            "lines" => Ok(Self::Lines),
            _ => Err(format!(
                "`{name}` is none of `manual`, `drun`, `json` and `lines`"
            )),
        }
    }
}

/// Turns the outcomes of one script, in order, into lines.
#[derive(Debug)]
pub struct Printer {
    format: Format,
    wording: Wording,
    date: Date,
    /// The number of the next message that is no query.
    next: u64,
    /// A canister was created by a line of the script.
    created: bool,
}

impl Printer {
    /// A printer for a script's first message. `wording` decides how format `drun` prints what the programs print differently;
    /// format `json` tells the date of the replica.
    pub fn new(format: Format, wording: Wording, date: Date) -> Self {
        Self {
            format,
            wording,
            date,
            next: 0,
            created: false,
        }
    }

    /// The outcome's text without the newline at its end; within it there may be some, in the words of a canister.
    pub fn print(&mut self, outcome: &Outcome, beside: &Beside<'_>) -> String {
        let number = (outcome.kind != MessageKind::Query).then_some(self.next);
        self.next += u64::from(number.is_some());
        let creates = outcome.kind == MessageKind::Create
            && matches!(outcome.result, MessageResult::Replied(_));
        let first_created = creates && !self.created;
        self.created |= creates;
        match (self.format, beside.text) {
            (Format::Json, _) => json::object(outcome, number, self.date, beside),
            (Format::Lines, _) => lines::line(outcome, beside),
            (_, Some(text)) if outcome.kind == MessageKind::Query => format!("Ok: {text}"),
            (Format::Manual, Some(text)) => {
                let number = number.unwrap_or_default();
                format!("ingress({number}) Completed: {text}")
            }
            (Format::Drun, Some(text)) => format!("ingress Completed: {text}"),
            (Format::Manual, None) => text::manual(outcome, number),
            (Format::Drun, None) if first_created && self.wording.first_creation_is_number_0 => {
                text::first_creation_of_runner()
            }
            (Format::Drun, None) => text::drun(outcome, self.wording),
        }
    }
}

/// What is told of a message beside its outcome.
#[derive(Clone, Copy, Debug, Default)]
pub struct Beside<'a> {
    /// Its line in the script, from 1.
    pub line: usize,
    /// What it is, in the words of the script and without its argument; only [`Format::Lines`] tells it.
    pub words: &'a str,
    /// The reply for people, instead of its bytes.
    pub text: Option<&'a str>,
    /// Machines get it, too.
    pub decoded: bool,
    /// Failures meanwhile that no result tells, with their lines; only [`Format::Json`] tells them.
    pub unseen: &'a [(usize, Unseen)],
}

/// The canister that a message created.
fn created(outcome: &Outcome) -> Option<Principal> {
    match &outcome.result {
        MessageResult::Replied(reply) if outcome.kind == MessageKind::Create => {
            let record = candid::decode_one::<CanisterIdRecord>(reply).ok()?;
            Some(record.canister_id)
        }
        _ => None,
    }
}

/// The line of a debug print without its time, for [`Format::Lines`]; `name` is what the script calls the canister.
pub fn timeless_debug_line(name: &str, text: &str) -> String {
    format!("[Canister {name}] {}", visible::on_one_line(text))
}

/// The line of a debug print as a format shows it: on one line for people.
pub fn debug_line_in(format: Format, time_ns: u64, canister: Principal, text: &str) -> String {
    match format {
        Format::Manual | Format::Lines => {
            debug_line(time_ns, canister, &visible::on_one_line(text))
        }
        Format::Drun | Format::Json => debug_line(time_ns, canister, text),
    }
}

/// The line of a debug print, without a newline at its end: the time of the round, the canister, the text as it is.
pub fn debug_line(time_ns: u64, canister: Principal, text: &str) -> String {
    format!(
        "{}: [Canister {canister}] {text}",
        drun_ic::time::utc(time_ns)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn outcome(kind: MessageKind, result: MessageResult) -> Outcome {
        Outcome {
            kind,
            canister: None,
            method: None,
            result,
            instructions: 0,
            rounds: 0,
            cycles: 0,
            heap_pages: 0,
            stable_pages: 0,
            debug: vec![],
        }
    }

    #[test]
    fn formats_have_their_names() {
        for (name, format) in [
            ("manual", Format::Manual),
            ("drun", Format::Drun),
            ("json", Format::Json),
            ("lines", Format::Lines),
        ] {
            assert_eq!(name.parse(), Ok(format));
        }
        assert!("text".parse::<Format>().is_err());
    }

    #[test]
    fn everything_but_queries_is_counted() {
        let outcome = |kind| outcome(kind, MessageResult::Replied(vec![]));
        let kinds = [
            MessageKind::Query,
            MessageKind::Create,
            MessageKind::Install,
            MessageKind::Query,
            MessageKind::Reinstall,
            MessageKind::Upgrade,
            MessageKind::Ingress,
            MessageKind::Ingress,
        ];
        let mut manual = Printer::new(Format::Manual, Wording::ORIGINAL, Date::October2025);
        let lines = kinds.map(|kind| manual.print(&outcome(kind), &Beside::default()));
        assert_eq!(
            lines,
            [
                "Ok: Empty",
                "ingress(0) Completed: Reply: 0x",
                "ingress(1) Completed: Reply: 0x",
                "Ok: Empty",
                "ingress(2) Completed: Reply: 0x",
                "ingress(3) Completed: Reply: 0x",
                "ingress(4) Completed: Empty",
                "ingress(5) Completed: Empty",
            ]
        );
        let mut json = Printer::new(Format::Json, Wording::ORIGINAL, Date::October2025);
        let numbers = kinds.map(|kind| {
            let line = json.print(&outcome(kind), &Beside::default());
            let object: serde_json::Value = serde_json::from_str(&line).unwrap();
            object["n"].as_u64()
        });
        let some = [
            None,
            Some(0),
            Some(1),
            None,
            Some(2),
            Some(3),
            Some(4),
            Some(5),
        ];
        assert_eq!(numbers, some);
    }

    #[test]
    fn a_debug_print_has_time_canister_and_text() {
        let canister = Principal::from_slice(&[0, 0, 0, 0, 0, 0, 0, 0, 1, 1]);
        let line =
            |format| debug_line_in(format, 1_620_328_630_000_000_003, canister, "a\n\tb\u{1b}");
        let head = "2021-05-06 19:17:10.000000003 UTC: [Canister rwlgt-iiaaa-aaaaa-aaaaa-cai] a";
        assert_eq!(line(Format::Drun), format!("{head}\n\tb\u{1b}"));
        assert_eq!(line(Format::Manual), format!("{head}\\n\tb\\u{{1b}}"));
    }
}
