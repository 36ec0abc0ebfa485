//! What stands behind `with` at `create` and `settings`.
//!
//! Owns the settings, their words and units, and their printed form.

use std::fmt;

use super::cursor::Cursor;
use super::flaw::{Flaw, Read};
use super::mistake::quoted;
use super::party::Party;
use super::span::Spanned;
use super::units::{self, Unfit};
use crate::idl;

/// One setting.
#[derive(Debug, Clone, PartialEq)]
pub enum Setting {
    /// Cycles of a new canister.
    Cycles(u128),
    /// The controllers.
    Controllers(Vec<Spanned<Party>>),
    /// Percent of a core.
    ComputeAllocation(u64),
    /// Bytes.
    MemoryAllocation(u64),
    /// How long the cycles must last, in seconds.
    FreezingThreshold(u64),
    /// Cycles.
    ReservedCyclesLimit(u128),
    /// Bytes.
    WasmMemoryLimit(u64),
    /// Bytes.
    WasmMemoryThreshold(u64),
    /// Who may read the log: everybody.
    LogsPublic,
    /// Who may read the log: the controllers.
    LogsForControllers,
    /// Who may read the log: these, too.
    LogsFor(Vec<Spanned<Party>>),
}

impl Setting {
    /// What it is about.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Cycles(_) => "cycles",
            Self::Controllers(_) => "controllers",
            Self::ComputeAllocation(_) => "compute-allocation",
            Self::MemoryAllocation(_) => "memory-allocation",
            Self::FreezingThreshold(_) => "freezing-threshold",
            Self::ReservedCyclesLimit(_) => "reserved-cycles-limit",
            Self::WasmMemoryLimit(_) => "wasm-memory-limit",
            Self::WasmMemoryThreshold(_) => "wasm-memory-threshold",
            Self::LogsPublic | Self::LogsForControllers | Self::LogsFor(_) => "log-visibility",
        }
    }
}

const WORDS: [&str; 8] = [
    "controllers",
    "compute-allocation",
    "memory-allocation",
    "freezing-threshold",
    "reserved-cycles-limit",
    "wasm-memory-limit",
    "wasm-memory-threshold",
    "log-visibility",
];

/// What stands behind `with`, items with commas between them. Nothing if there is no `with`.
pub(super) fn settings(cursor: &mut Cursor, create: bool) -> Read<Vec<Setting>> {
    let mut settings: Vec<Setting> = Vec::new();
    if !cursor.take("with") {
        return Ok(settings);
    }
    loop {
        let start = cursor.here().start;
        let setting = setting(cursor, create)?;
        let word = setting.word();
        if settings.iter().any(|other| other.word() == word) {
            let said = format!("the setting `{word}` is there already");
            return Err(Flaw::said(start..cursor.at(), said, "each setting once"));
        }
        settings.push(setting);
        if !cursor.take_sign(',') {
            return Ok(settings);
        }
    }
}

fn setting(cursor: &mut Cursor, create: bool) -> Read<Setting> {
    let cycles = "such as `5T cycles`";
    let Some(word) = cursor.word_until(&[',']) else {
        let expected = format!("one of `{}`", WORDS.join("`, `"));
        return Err(Flaw::said(
            cursor.here(),
            "the setting is missing",
            expected,
        ));
    };
    if word.starts_with(|c: char| c.is_ascii_digit()) && create {
        let amount = units::cycles(&word).map_err(|unfit| {
            let said = match unfit {
                Unfit::NoAmount => format!("{} are no cycles", quoted(&word)),
                Unfit::TooMuch => "the number of cycles is too large".into(),
            };
            Flaw::said(word.at(), said, cycles)
        })?;
        if !cursor.take("cycles") {
            let said = "the word `cycles` is missing";
            return Err(Flaw::said(cursor.here(), said, cycles));
        }
        return Ok(Setting::Cycles(amount));
    }
    let size = |cursor: &mut Cursor| {
        let size = cursor.amount("a size", "bytes, such as `500MiB`", units::bytes);
        size.map(|size| size.value)
    };
    Ok(match *word {
        "controllers" => Setting::Controllers(parties(cursor)?),
        "compute-allocation" => {
            let percent = cursor.amount("a percentage", "`0%` to `100%`", |text| {
                let digits = text.strip_suffix('%').ok_or(Unfit::NoAmount)?;
                u64::try_from(units::number(digits)?).map_err(|_| Unfit::TooMuch)
            })?;
            Setting::ComputeAllocation(percent.value)
        }
        "memory-allocation" => Setting::MemoryAllocation(size(cursor)?),
        "freezing-threshold" => {
            let example = "whole seconds, such as `30d`";
            let seconds = cursor.amount("a duration", example, units::seconds)?;
            Setting::FreezingThreshold(seconds.value)
        }
        "reserved-cycles-limit" => {
            let amount = cursor.amount("a number of cycles", "such as `5T`", units::cycles)?;
            cursor.take("cycles");
            Setting::ReservedCyclesLimit(amount.value)
        }
        "wasm-memory-limit" => Setting::WasmMemoryLimit(size(cursor)?),
        "wasm-memory-threshold" => Setting::WasmMemoryThreshold(size(cursor)?),
        "log-visibility" if cursor.take("public") => Setting::LogsPublic,
        "log-visibility" if cursor.take("controllers") => Setting::LogsForControllers,
        "log-visibility" => Setting::LogsFor(parties(cursor)?),
        "cycles" if create => {
            let said = "the number of cycles is missing";
            return Err(Flaw::said(word.at(), said, cycles));
        }
        unknown => {
            let expected = match idl::nearest(unknown, WORDS) {
                Some(nearest) => format!("perhaps `{nearest}`"),
                None => {
                    let more = if create { "cycles, or " } else { "" };
                    format!("{more}one of `{}`", WORDS.join("`, `"))
                }
            };
            let said = format!("unknown setting {}", quoted(unknown));
            return Err(Flaw::said(word.at(), said, expected));
        }
    })
}

/// Principals with blanks between them, up to a comma or the end; at least one.
pub(super) fn parties(cursor: &mut Cursor) -> Read<Vec<Spanned<Party>>> {
    let mut parties = vec![cursor.party()?];
    while !cursor.is_done() && !cursor.rest().starts_with(',') {
        parties.push(cursor.party()?);
    }
    Ok(parties)
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = self.word();
        match self {
            Self::Cycles(cycles) => write!(f, "{cycles} {word}"),
            Self::Controllers(parties) | Self::LogsFor(parties) => {
                f.write_str(word)?;
                parties
                    .iter()
                    .try_for_each(|party| write!(f, " {}", **party))
            }
            Self::ComputeAllocation(percent) => write!(f, "{word} {percent}%"),
            Self::MemoryAllocation(bytes)
            | Self::WasmMemoryLimit(bytes)
            | Self::WasmMemoryThreshold(bytes) => write!(f, "{word} {bytes}"),
            Self::FreezingThreshold(seconds) => write!(f, "{word} {seconds}s"),
            Self::ReservedCyclesLimit(cycles) => write!(f, "{word} {cycles}"),
            Self::LogsPublic => write!(f, "{word} public"),
            Self::LogsForControllers => write!(f, "{word} controllers"),
        }
    }
}
