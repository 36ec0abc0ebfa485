//! One statement of the richer language, from its line.
//!
//! Owns the shape of every statement; amounts, settings, expectations and Candid are read by their own files. What
//! names stand for, and whether Candid fits, is found out when all statements are known.

use std::ops::Range;

use drun_ic::canister::InstallMode;

use super::canister_id::canister_id;
use super::cursor::{self, Cursor, line_end};
use super::expectation::expectation;
use super::flaw::{Flaw, Read};
use super::mistake::{Field, Mistake, quoted};
use super::party::Party;
use super::payload::hex_digits;
use super::settings::{parties, settings};
use super::span::Spanned;
use super::statement::{
    CallKind, CallerInfo, Change, Cycles, HttpResponse, Identity, Management, Payload, Sender,
    Statement, UpgradeOptions,
};
use super::{units, words};
use crate::idl;

/// A statement, who sends it, and where it ends.
#[derive(Debug)]
pub(super) struct Sentence {
    pub statement: Statement,
    /// From `as NAME` before it.
    pub sender: Option<Box<Sender>>,
    /// The statement's first word.
    pub word: Range<usize>,
    /// The end of its last line.
    pub end: usize,
}

/// Reads the statement that begins in this line; `None` if the line is blank or a comment.
pub(super) fn sentence(text: &str, line: Range<usize>) -> Read<Option<Sentence>> {
    let mut cursor = Cursor::new(text, line);
    let Some(word) = cursor.word() else {
        return Ok(None);
    };
    let mut sender = None;
    let mut at = word.at();
    let statement = if *word == "as" {
        cursor.form = words::form("as").unwrap_or_default();
        let who = Box::new(self::sender(&mut cursor)?);
        match cursor.word() {
            None => Statement::As(who),
            Some(word) => {
                sender = Some(who);
                at = word.at();
                let statement = verb(&mut cursor, &word)?;
                if !is_sent(&statement) {
                    let said = format!("{} is not sent by anybody", quoted(&word));
                    return Err(Flaw::said(word.at(), said, "a message behind `as NAME`"));
                }
                statement
            }
        }
    } else {
        verb(&mut cursor, &word)?
    };
    cursor.finish()?;
    Ok(Some(Sentence {
        statement,
        sender,
        word: at,
        end: line_end(text, cursor.at()),
    }))
}

/// Who sends, behind `as`, and what the message tells about that.
fn sender(cursor: &mut Cursor) -> Read<Sender> {
    let party = cursor.party()?;
    if !cursor.take("with") {
        return Ok(Sender { party, info: None });
    }
    if !cursor.take("info") {
        let expected = "`with info` and a payload";
        return Err(Flaw::said(
            cursor.here(),
            "the word `info` is missing",
            expected,
        ));
    }
    if cursor.is_done() {
        let expected = "`( … )` in Candid, `0x` and hex digits, or a string in double quotes";
        return Err(Flaw::said(
            cursor.here(),
            "the information is missing",
            expected,
        ));
    }
    let data = payload(cursor)?;
    let signer = cursor.take("signed-by").then(|| cursor.party());
    let info = CallerInfo {
        data,
        signer: signer.transpose()?,
    };
    Ok(Sender {
        party,
        info: Some(Box::new(info)),
    })
}

/// Whether the statement is a message, which has a sender.
fn is_sent(statement: &Statement) -> bool {
    match statement {
        Statement::Create { .. }
        | Statement::Install { .. }
        | Statement::Call { .. }
        | Statement::TopUp { .. }
        | Statement::Manage { .. }
        | Statement::Settings { .. }
        | Statement::Controllers { .. } => true,
        Statement::Let { .. }
        | Statement::As(_)
        | Statement::Advance(_)
        | Statement::Tick(_)
        | Statement::Snapshot(_)
        | Statement::Restore(_)
        | Statement::Expect(_)
        | Statement::HttpRespond(_)
        | Statement::Include(_)
        | Statement::Did { .. }
        | Statement::Stable { .. } => false,
    }
}

fn verb(cursor: &mut Cursor, word: &Spanned<&str>) -> Read<Statement> {
    let Some(form) = words::form(word) else {
        return Err(Flaw::new(word.at(), words::unknown(word)));
    };
    cursor.form = form;
    Ok(match **word {
        "create" => {
            let named = !cursor.is_done() && !cursor.is_at("with");
            let name = named.then(|| cursor.name("the canister")).transpose()?;
            let settings = settings(cursor, true)?;
            Statement::Create { name, settings }
        }
        "install" => install(cursor, InstallMode::Install)?,
        "reinstall" => install(cursor, InstallMode::Reinstall)?,
        "upgrade" => install(cursor, InstallMode::Upgrade)?,
        "ingress" => call(cursor, CallKind::Ingress)?,
        "query" => call(cursor, CallKind::Query)?,
        "call" => call(cursor, CallKind::Call)?,
        "let" => {
            let name = cursor.name("the principal")?;
            if !cursor.take_sign('=') {
                let said = "`=` is missing";
                return Err(Flaw::said(cursor.here(), said, format!("`{form}`")));
            }
            let identity = if cursor.take("identity") {
                Identity::Derived
            } else {
                Identity::Of(cursor.party()?)
            };
            Statement::Let { name, identity }
        }
        "advance" => {
            let example = "such as `30s`, `1h30m` or `7d` (ns, us, ms, s, m, h, d)";
            Statement::Advance(cursor.amount("a duration", example, units::duration)?.value)
        }
        "tick" if cursor.is_done() => Statement::Tick(1),
        "tick" => {
            let read =
                |text: &str| u64::try_from(units::number(text)?).map_err(|_| units::Unfit::TooMuch);
            let rounds = cursor.amount("a number of rounds", "such as `3`", read)?;
            Statement::Tick(rounds.value)
        }
        "snapshot" => Statement::Snapshot(cursor.name("the snapshot")?),
        "restore" => Statement::Restore(cursor.name("the snapshot")?),
        "expect" => Statement::Expect(Box::new(expectation(cursor)?)),
        "top-up" => {
            let canister = cursor.party()?;
            let cycles = cursor.amount("a number of cycles", "such as `5T`", units::cycles)?;
            cursor.take("cycles");
            let cycles = Cycles(cycles.value);
            Statement::TopUp { canister, cycles }
        }
        "settings" => {
            let canister = cursor.party()?;
            let settings = settings(cursor, false)?;
            if settings.is_empty() {
                let said = "the settings are missing";
                return Err(Flaw::said(cursor.here(), said, format!("`{form}`")));
            }
            Statement::Settings { canister, settings }
        }
        "controllers" => {
            let canister = cursor.party()?;
            let changes = [
                ('=', Change::Set),
                ('+', Change::Add),
                ('-', Change::Remove),
            ];
            let found = changes.iter().find(|(sign, _)| cursor.take_sign(*sign));
            let change = match found {
                Some((_, Change::Set)) if cursor.is_done() => Some((Change::Set, Vec::new())),
                Some((_, change)) => Some((*change, parties(cursor)?)),
                None => None,
            };
            Statement::Controllers { canister, change }
        }
        "http" => http(cursor)?,
        "include" => Statement::Include(cursor.path("the script")?),
        "did" => Statement::Did {
            canister: cursor.party()?,
            file: cursor.path("the interface")?,
        },
        "stable" => {
            let save = match cursor.word() {
                Some(word) if *word == "save" => true,
                Some(word) if *word == "load" => false,
                other => {
                    let at = other.map_or_else(|| cursor.here(), |word| word.at());
                    let said = "neither to save nor to load";
                    return Err(Flaw::said(at, said, "`save` or `load`"));
                }
            };
            Statement::Stable {
                save,
                canister: cursor.party()?,
                file: cursor.path("the file")?,
            }
        }
        word => {
            let found = Management::ALL.iter().find(|(known, _)| *known == word);
            let Some((_, management)) = found else {
                return Err(cursor.missing(Field::CanisterId));
            };
            Statement::Manage {
                management: *management,
                canister: cursor.party()?,
            }
        }
    })
}

/// A canister as the older messages name it: a mistake is one of an id, unless it looks like a name.
fn canister(text: &mut Cursor) -> Read<Spanned<Party>> {
    let Some(word) = text.word() else {
        return Err(text.missing(Field::CanisterId));
    };
    if let Ok(id) = canister_id(&word) {
        return Ok(Spanned::new(Party::Id(id), word.at()));
    }
    cursor::party(word)
}

fn install(cursor: &mut Cursor, mode: InstallMode) -> Read<Statement> {
    let canister = canister(cursor)?;
    let rest = cursor.rest();
    let filled = rest.starts_with("0x") && hex_digits(rest[2..].trim_end()).is_ok();
    if cursor.is_done() || filled || rest.starts_with('(') {
        return Err(cursor.missing(Field::Module));
    }
    let module = cursor.path("the module file")?;
    let payload = payload(cursor)?;
    let mut options = UpgradeOptions::default();
    if mode == InstallMode::Upgrade && cursor.take("with") {
        loop {
            let Some(word) = cursor.word_until(&[',']) else {
                let expected = "`skip-pre-upgrade`, `keep` or `replace`";
                return Err(Flaw::said(cursor.here(), "the option is missing", expected));
            };
            match *word {
                "skip-pre-upgrade" => options.skip_pre_upgrade = true,
                "keep" if options.keep.is_none() => options.keep = Some(true),
                "replace" if options.keep.is_none() => options.keep = Some(false),
                "keep" | "replace" => {
                    let said = "the memory is kept or replaced already";
                    return Err(Flaw::said(word.at(), said, "`keep` or `replace`, once"));
                }
                unknown => {
                    let words = ["skip-pre-upgrade", "keep", "replace"];
                    let expected = match idl::nearest(unknown, words) {
                        Some(nearest) => format!("perhaps `{nearest}`"),
                        None => "`skip-pre-upgrade`, `keep` or `replace`".into(),
                    };
                    let said = format!("unknown option {}", quoted(unknown));
                    return Err(Flaw::said(word.at(), said, expected));
                }
            }
            if !cursor.take_sign(',') {
                break;
            }
        }
    }
    Ok(Statement::Install {
        mode,
        canister,
        module,
        payload,
        options,
    })
}

fn call(cursor: &mut Cursor, kind: CallKind) -> Read<Statement> {
    let canister = canister(cursor)?;
    let rest = cursor.rest();
    if cursor.is_done() || rest.starts_with("0x") || rest.starts_with('(') {
        return Err(cursor.missing(Field::Method));
    }
    let method = match cursor.quoted()? {
        Some(method) => Spanned::new(method.value.as_str().into(), method.at()),
        None => {
            let word = cursor.word_until(&['(']);
            let Some(word) = word else {
                return Err(cursor.missing(Field::Method));
            };
            let wrong = |(index, c): &(usize, char)| {
                !(c.is_ascii_alphabetic() || *c == '_' || (*index > 0 && c.is_ascii_digit()))
            };
            if let Some((index, c)) = word.char_indices().find(wrong) {
                let at = word.at().start + index;
                let kind = Mistake::MethodCharacter(c);
                return Err(Flaw::new(at..at + c.len_utf8(), kind));
            }
            Spanned::new(word.value.into(), word.at())
        }
    };
    let payload = payload(cursor)?;
    let mut cycles = 0;
    if kind == CallKind::Call && cursor.take("with") {
        cycles = cursor
            .amount("a number of cycles", "such as `5T cycles`", units::cycles)?
            .value;
        if !cursor.take("cycles") {
            let said = "the word `cycles` is missing";
            return Err(Flaw::said(cursor.here(), said, "`with N cycles`"));
        }
    }
    Ok(Statement::Call {
        kind,
        canister,
        method,
        payload,
        cycles: Cycles(cycles),
    })
}

/// An argument in one of its forms; none at all is `()`.
fn payload(cursor: &mut Cursor) -> Read<Payload> {
    let end = cursor.here();
    let rest = cursor.rest();
    if cursor.is_done() || cursor.is_at("with") {
        return Ok(Payload::Text(idl::Argument::new(Vec::new(), end).into()));
    }
    if rest.starts_with('(') {
        let (values, end) = cursor.candid(idl::Grammar::Values)?;
        return Ok(Payload::Text(idl::Argument::new(values, end).into()));
    }
    match cursor.bytes()? {
        Some(bytes) => Ok(Payload::Bytes(bytes)),
        None => {
            let word = cursor
                .word()
                .map_or_else(|| cursor.here(), |word| word.at());
            let expected = "`( … )` in Candid, `0x` and hex digits, or a string in double quotes";
            Err(Flaw::said(word, "this is no payload", expected))
        }
    }
}

fn http(cursor: &mut Cursor) -> Read<Statement> {
    let form = cursor.form;
    let expected = || format!("`{form}`");
    match cursor.word() {
        Some(word) if *word == "respond" => {}
        other => {
            let at = other.map_or_else(|| cursor.here(), |word| word.at());
            return Err(Flaw::said(at, "`respond` is missing", expected()));
        }
    }
    let url = match cursor.quoted()? {
        Some(url) => url.value,
        None => match cursor.word() {
            Some(url) => url.value.to_owned(),
            None => return Err(Flaw::said(cursor.here(), "the URL is missing", expected())),
        },
    };
    let status = cursor.amount("a status", "a number from 100 to 599", |text| {
        let status = units::number(text)?;
        let status = u16::try_from(status).map_err(|_| units::Unfit::TooMuch)?;
        let known = (100..600).contains(&status);
        known.then_some(status).ok_or(units::Unfit::NoAmount)
    })?;
    let mut headers = Vec::new();
    while cursor.take("header") {
        let mut part = |what: &str| match cursor.quoted()? {
            Some(text) => Ok(text.value),
            None => {
                let said = format!("the {what} of the header is missing");
                Err(Flaw::said(
                    cursor.here(),
                    said,
                    "`header \"NAME\" \"VALUE\"`",
                ))
            }
        };
        headers.push((part("name")?, part("value")?));
    }
    let body = if cursor.is_done() {
        Vec::new()
    } else {
        match cursor.bytes()? {
            Some(body) => body,
            None => {
                let word = cursor
                    .word()
                    .map_or_else(|| cursor.here(), |word| word.at());
                return Err(Flaw::new(word, Mistake::PayloadStart));
            }
        }
    };
    Ok(Statement::HttpRespond(Box::new(HttpResponse {
        url,
        status: status.value,
        headers,
        body,
    })))
}
