//! A line of the prompt as a command.

use super::numbers::{Kind, number};

/// What a line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// `time COMMAND`, with so many `time` in front: any number, so they are not one within the other.
    Time(usize, Box<Command>),
    /// `show status`
    ShowStatus,
    /// `show inbox`
    ShowInbox,
    /// `show outbox at level N`
    ShowOutbox(i32),
    /// `show durable storage`
    ShowStorage,
    /// `show subkeys [PATH]`, `ls [PATH]`
    ShowSubkeys(String),
    /// `show key KEY [as KIND]`
    ShowKey(String, Kind),
    /// `show memory at ADDRESS for LENGTH bytes [as string]`
    ShowMemory(u64, u64, Kind),
    /// `dump function symbols`
    Symbols,
    /// `load inputs`
    Load,
    /// `step tick`
    StepTick,
    /// `step result`
    StepResult,
    /// `step kernel_run`
    StepKernelRun,
    /// `step inbox`
    StepInbox,
    /// `reveal preimage [HEX]`
    RevealPreimage(Option<String>),
    /// `reveal metadata`
    RevealMetadata,
    /// `profile …`
    Profile(ProfileOptions),
    /// `help`, `man`
    Help,
    /// `stop`
    Stop,
}

/// How a profile is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProfileOptions {
    /// Equal stacks are added up.
    pub collapsed: bool,
    /// No times are printed.
    pub without_time: bool,
    /// One `kernel_run` only.
    pub no_reboot: bool,
    /// A picture is drawn too.
    pub flamegraph: bool,
}

/// The beginnings of all commands, for completion.
pub(super) const WORDS: &[&str] = &[
    "dump function symbols",
    "help",
    "load inputs",
    "ls /",
    "man",
    "profile",
    "profile --collapsed",
    "profile --flamegraph",
    "profile --no-reboot",
    "profile --without-time",
    "reveal metadata",
    "reveal preimage",
    "show durable storage",
    "show inbox",
    "show key /",
    "show keys /",
    "show memory at",
    "show outbox at level",
    "show status",
    "show subkeys /",
    "step inbox",
    "step kernel_run",
    "step result",
    "step tick",
    "stop",
    "time",
];

/// Reads a line; `None` when it is no command.
pub(super) fn parse(line: &str) -> Option<Command> {
    let words: Vec<&str> = line.split(' ').filter(|word| !word.is_empty()).collect();
    let times = words.iter().take_while(|word| **word == "time").count();
    let command = words_of(&words[times..])?;
    Some(match times {
        0 => command,
        _ => Command::Time(times, Box::new(command)),
    })
}

fn words_of(words: &[&str]) -> Option<Command> {
    Some(match *words {
        ["show", "status"] => Command::ShowStatus,
        ["show", "inbox"] => Command::ShowInbox,
        ["show", "outbox", "at", "level", level] => {
            Command::ShowOutbox(i32::try_from(number(level)?).ok()?)
        }
        ["show", "durable", "storage"] => Command::ShowStorage,
        ["show", "subkeys" | "keys"] | ["ls"] => Command::ShowSubkeys("/".into()),
        ["show", "subkeys" | "keys", path] | ["ls", path] => Command::ShowSubkeys(path.into()),
        ["show", "key", key] => Command::ShowKey(key.into(), Kind::Hex),
        ["show", "key", key, "as", kind] => Command::ShowKey(key.into(), Kind::parse(kind)?),
        ["show", "memory", "at", at, "for", len, "bytes"] => {
            Command::ShowMemory(number(at)?, number(len)?, Kind::Hex)
        }
        [
            "show",
            "memory",
            "at",
            at,
            "for",
            len,
            "bytes",
            "as",
            "string",
        ] => Command::ShowMemory(number(at)?, number(len)?, Kind::String),
        ["show", "memory", "at", at, "as", kind] => {
            let kind = Kind::parse(kind)?;
            Command::ShowMemory(number(at)?, kind.size()? as u64, kind)
        }
        ["dump", "function", "symbols"] => Command::Symbols,
        ["load", "inputs"] => Command::Load,
        ["step", "tick"] => Command::StepTick,
        ["step", "result"] => Command::StepResult,
        ["step", "kernel_run"] => Command::StepKernelRun,
        ["step", "inbox"] => Command::StepInbox,
        ["reveal", "preimage"] => Command::RevealPreimage(None),
        // The manual writes `of`, which no release understood.
        ["reveal", "preimage", hex] | ["reveal", "preimage", "of", hex] => {
            Command::RevealPreimage(Some(hex.into()))
        }
        ["reveal", "metadata"] => Command::RevealMetadata,
        ["profile", ref options @ ..] => Command::Profile(profile(options)?),
        ["help" | "man"] => Command::Help,
        ["stop"] => Command::Stop,
        _ => return None,
    })
}

fn profile(words: &[&str]) -> Option<ProfileOptions> {
    let mut options = ProfileOptions::default();
    for word in words {
        *match *word {
            "--collapsed" => &mut options.collapsed,
            "--without-time" => &mut options.without_time,
            "--no-reboot" => &mut options.no_reboot,
            "--flamegraph" => &mut options.flamegraph,
            _ => return None,
        } = true;
    }
    Some(options)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_blanks_collapse_and_numbers_have_four_bases() {
        assert_eq!(parse("  show   status "), Some(Command::ShowStatus));
        for text in ["16", "0x10", "0o20", "0b10000"] {
            let line = format!("show memory at {text} for {text} bytes");
            assert_eq!(
                parse(&line),
                Some(Command::ShowMemory(16, 16, Kind::Hex)),
                "{line}"
            );
        }
    }

    #[test]
    fn a_command_may_be_timed_any_number_of_times() {
        let line = |n| format!("{}stop", "time ".repeat(n));
        for n in [1, 2, 1_000_000] {
            let expected = Command::Time(n, Box::new(Command::Stop));
            assert_eq!(parse(&line(n)), Some(expected));
        }
    }

    #[test]
    fn what_is_not_a_command_is_none() {
        for line in [
            "",
            "show",
            "show key",
            "show key /a as",
            "show key /a as float",
            "profile --x",
            "step",
            "step ticks",
            "show outbox at level x",
            "show memory at 1 as string",
            "time",
            "time nothing",
            "stop now",
        ] {
            assert_eq!(parse(line), None, "{line}");
        }
    }

    #[test]
    fn every_word_of_completion_begins_a_command() {
        for words in WORDS {
            let ends = ["", " 0 for 1 bytes", " 1", "a", " stop"];
            assert!(
                ends.iter()
                    .any(|end| parse(&format!("{words}{end}")).is_some()),
                "{words}"
            );
        }
    }
}
