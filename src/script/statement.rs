//! The statements of a program, the older messages among them, and how each is written.
//!
//! Owns the data and its printed form, which parses back to the same statement. What names stand for and what becomes
//! of a statement is not known here.

use std::fmt;

use drun_ic::canister::InstallMode;

use super::message::Message;
use super::party::Party;
use super::settings::Setting;
use super::span::Spanned;
use super::units::Duration;
use crate::idl;

/// Who sends a message, and what it tells about that.
#[derive(Debug, Clone, PartialEq)]
pub struct Sender {
    /// Who.
    pub party: Spanned<Party>,
    /// What a canister vouches for, if anything.
    pub info: Option<Box<CallerInfo>>,
}

/// What a message tells about its sender.
#[derive(Debug, Clone, PartialEq)]
pub struct CallerInfo {
    /// The information.
    pub data: Payload,
    /// The canister that vouches for it; the one of Internet Identity if nobody is named.
    pub signer: Option<Spanned<Party>>,
}

impl fmt::Display for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "as {}", *self.party)?;
        let Some(info) = &self.info else {
            return Ok(());
        };
        write!(f, " with info {}", info.data)?;
        match &info.signer {
            Some(signer) => write!(f, " signed-by {}", **signer),
            None => Ok(()),
        }
    }
}

/// The argument of a message.
#[derive(Debug, Clone, PartialEq)]
pub enum Payload {
    /// In hex or as a quoted string.
    Bytes(Vec<u8>),
    /// As Candid text; nothing at all is `()`.
    Text(Box<idl::Argument>),
}

/// An amount of cycles. Packed, since a script may have a million statements and few hold one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(Rust, packed(8))]
pub struct Cycles(pub u128);

impl fmt::Display for Cycles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        { self.0 }.fmt(f)
    }
}

/// Who calls, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallKind {
    /// A user, an update method.
    Ingress,
    /// A user, a query method.
    Query,
    /// A canister of ours, which can attach cycles.
    Call,
}

/// What is done to a canister as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Management {
    /// Lets it process messages.
    Start,
    /// Lets it process no more.
    Stop,
    /// Takes its module and memories away.
    Uninstall,
    /// Deletes it.
    Delete,
    /// Tells its status.
    Status,
    /// Tells its log.
    Logs,
}

impl Management {
    /// Each with its word.
    pub const ALL: [(&'static str, Self); 6] = [
        ("start", Self::Start),
        ("stop", Self::Stop),
        ("uninstall", Self::Uninstall),
        ("delete", Self::Delete),
        ("status", Self::Status),
        ("logs", Self::Logs),
    ];

    /// The word of the script.
    pub fn word(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(_, management)| *management == self)
            .map_or("", |(word, _)| word)
    }
}

/// What an upgrade is told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UpgradeOptions {
    /// `canister_pre_upgrade` is not run.
    pub skip_pre_upgrade: bool,
    /// Whether the main memory is kept; as the module asks for it if absent.
    pub keep: Option<bool>,
}

/// What becomes of the controllers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// These and no others.
    Set,
    /// These, too.
    Add,
    /// No longer these.
    Remove,
}

impl Change {
    /// Its sign.
    pub(super) fn sign(self) -> &'static str {
        match self {
            Self::Set => "=",
            Self::Add => "+",
            Self::Remove => "-",
        }
    }
}

/// An answer for HTTP outcalls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpResponse {
    /// The beginning of the URLs that are answered.
    pub url: String,
    /// The status.
    pub status: u16,
    /// Names and values of the headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// What a name is made to stand for.
#[derive(Debug, Clone, PartialEq)]
pub enum Identity {
    /// A principal that follows from the seed of the run and the name.
    Derived,
    /// What another party is.
    Of(Spanned<Party>),
}

/// A text that is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextPattern {
    /// Somewhere in the actual text, or else it is the whole of it.
    pub within: bool,
    /// The text.
    pub text: String,
}

/// How a number has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    More,
    /// `>=`
    AtLeast,
    /// `=`
    Equal,
}

impl Relation {
    pub(super) const ALL: [(&'static str, Self); 5] = [
        ("<", Self::Less),
        ("<=", Self::AtMost),
        (">", Self::More),
        (">=", Self::AtLeast),
        ("=", Self::Equal),
    ];

    /// The sign of the script.
    pub fn sign(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(_, relation)| *relation == self)
            .map_or("", |(sign, _)| sign)
    }

    /// Whether two numbers are so.
    pub fn holds(self, left: i128, right: i128) -> bool {
        match self {
            Self::Less => left < right,
            Self::AtMost => left <= right,
            Self::More => left > right,
            Self::AtLeast => left >= right,
            Self::Equal => left == right,
        }
    }
}

/// What is expected of the last result.
#[derive(Debug, Clone, PartialEq)]
pub enum Expectation {
    /// A reply, whatever it is.
    AnyReply,
    /// A reply of these bytes.
    ReplyBytes(Vec<u8>),
    /// A reply of these values; with the place of the closing parenthesis.
    Reply(Vec<idl::Value>, Spanned<()>),
    /// A reject of the canister's own.
    Reject(Option<TextPattern>),
    /// An error, perhaps of this code, such as `IC0503`, or with this text.
    Error(Option<String>, Option<TextPattern>),
    /// A line that a canister printed.
    Prints(TextPattern),
    /// Instructions used.
    Instructions(Relation, u128),
    /// Cycles charged.
    Cycles(Relation, u128),
}

/// One statement of a program.
#[derive(Debug, Clone, PartialEq)]
pub enum Statement {
    /// Makes a canister, perhaps with a name.
    Create {
        /// What it is called from then on.
        name: Option<Spanned<String>>,
        /// How it is made.
        settings: Vec<Setting>,
    },
    /// Gives a principal a name.
    Let {
        /// The name.
        name: Spanned<String>,
        /// The principal.
        identity: Identity,
    },
    /// Who sends from there on.
    As(Box<Sender>),
    /// Installs, reinstalls or upgrades a module.
    Install {
        /// Which of the three.
        mode: InstallMode,
        /// The canister.
        canister: Spanned<Party>,
        /// The path of the module as written.
        module: Spanned<String>,
        /// The argument.
        payload: Payload,
        /// For an upgrade only.
        options: UpgradeOptions,
    },
    /// Calls a method.
    Call {
        /// Who calls.
        kind: CallKind,
        /// The canister.
        canister: Spanned<Party>,
        /// The method.
        method: Spanned<Box<str>>,
        /// The argument.
        payload: Payload,
        /// Cycles that go with a [`CallKind::Call`].
        cycles: Cycles,
    },
    /// Lets time pass.
    Advance(Duration),
    /// Runs rounds.
    Tick(u64),
    /// Keeps the state of the whole node.
    Snapshot(Spanned<String>),
    /// Goes back to a kept state.
    Restore(Spanned<String>),
    /// Compares the last result with what is expected.
    Expect(Box<Expectation>),
    /// Gives a canister cycles.
    TopUp {
        /// The canister.
        canister: Spanned<Party>,
        /// How many.
        cycles: Cycles,
    },
    /// Does something to a canister as a whole.
    Manage {
        /// What.
        management: Management,
        /// The canister.
        canister: Spanned<Party>,
    },
    /// Changes settings.
    Settings {
        /// The canister.
        canister: Spanned<Party>,
        /// The new ones.
        settings: Vec<Setting>,
    },
    /// Tells or changes the controllers.
    Controllers {
        /// The canister.
        canister: Spanned<Party>,
        /// The change; without one they are told.
        change: Option<(Change, Vec<Spanned<Party>>)>,
    },
    /// Answers HTTP outcalls from then on.
    HttpRespond(Box<HttpResponse>),
    /// Runs another script's statements here. A parsed program has them in its place.
    Include(Spanned<String>),
    /// Tells what a canister understands.
    Did {
        /// The canister.
        canister: Spanned<Party>,
        /// The path of the interface as written.
        file: Spanned<String>,
    },
    /// Writes stable memory to a file, or reads it from one.
    Stable {
        /// Whether it is written to the file.
        save: bool,
        /// The canister.
        canister: Spanned<Party>,
        /// The path as written.
        file: Spanned<String>,
    },
}

impl Statement {
    /// Whether expectations behind it can be about it.
    pub fn has_result(&self) -> bool {
        !matches!(
            self,
            Self::Let { .. }
                | Self::As(_)
                | Self::Snapshot(_)
                | Self::Restore(_)
                | Self::Expect(_)
                | Self::HttpRespond(_)
                | Self::Include(_)
                | Self::Did { .. }
                | Self::Stable { .. }
        )
    }
}

impl From<Message> for Statement {
    fn from(message: Message) -> Self {
        let party = |id| Spanned::new(Party::Id(id), 0..0);
        let call = |kind, canister, method: String, argument| Self::Call {
            kind,
            canister: party(canister),
            method: Spanned::new(method.into(), 0..0),
            payload: Payload::Bytes(argument),
            cycles: Cycles(0),
        };
        match message {
            Message::Create => Self::Create {
                name: None,
                settings: Vec::new(),
            },
            Message::Install {
                mode,
                canister,
                module,
                argument,
            } => Self::Install {
                mode,
                canister: party(canister),
                module: Spanned::new(module, 0..0),
                payload: Payload::Bytes(argument),
                options: UpgradeOptions::default(),
            },
            Message::Ingress {
                canister,
                method,
                argument,
            } => call(CallKind::Ingress, canister, method, argument),
            Message::Query {
                canister,
                method,
                argument,
            } => call(CallKind::Query, canister, method, argument),
        }
    }
}

/// A word as it is, if it reads back as itself, else in quotes.
fn word(text: &str, plain: bool) -> String {
    if plain {
        text.to_owned()
    } else {
        idl::quoted(text)
    }
}

fn path(text: &str) -> String {
    let odd = |c: char| c.is_whitespace() || c.is_control() || c == '"';
    let plain = !text.is_empty()
        && !text.contains(odd)
        && !text.starts_with(['#', '(', '0', ','])
        && text != "with";
    word(text, plain)
}

/// A method's name as it is written.
pub(super) fn method(text: &str) -> String {
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_')
        && text != "with";
    word(text, plain)
}

impl fmt::Display for TextPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.within { "~ " } else { "" };
        write!(f, "{sign}{}", idl::quoted(&self.text))
    }
}

impl fmt::Display for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(f, "0x{}", hex::encode(bytes)),
            Self::Text(argument) => values(f, &argument.values),
        }
    }
}

fn values(f: &mut fmt::Formatter<'_>, values: &[idl::Value]) -> fmt::Result {
    let texts: Vec<String> = values.iter().map(idl::Value::to_string).collect();
    write!(f, "({})", texts.join(", "))
}

impl fmt::Display for Expectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expect ")?;
        match self {
            Self::AnyReply => f.write_str("reply"),
            Self::ReplyBytes(bytes) => write!(f, "reply 0x{}", hex::encode(bytes)),
            Self::Reply(pattern, _) => {
                f.write_str("reply ")?;
                values(f, pattern)
            }
            Self::Reject(None) => f.write_str("reject"),
            Self::Reject(Some(text)) => write!(f, "reject {text}"),
            Self::Error(code, text) => {
                f.write_str("error")?;
                if let Some(code) = code {
                    write!(f, " {code}")?;
                }
                match text {
                    Some(text) => write!(f, " {text}"),
                    None => Ok(()),
                }
            }
            Self::Prints(text) => write!(f, "prints {text}"),
            Self::Instructions(relation, n) => write!(f, "instructions {} {n}", relation.sign()),
            Self::Cycles(relation, n) => write!(f, "cycles {} {n}", relation.sign()),
        }
    }
}

/// Text that parses to this statement again, on one line.
impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Create { name, settings } => {
                f.write_str("create")?;
                if let Some(name) = name {
                    write!(f, " {}", **name)?;
                }
                with(f, settings)
            }
            Self::Let { name, identity } => match identity {
                Identity::Derived => write!(f, "let {} = identity", **name),
                Identity::Of(party) => write!(f, "let {} = {}", **name, **party),
            },
            Self::As(sender) => sender.fmt(f),
            Self::Install {
                mode,
                canister,
                module,
                payload,
                options,
            } => {
                write!(f, "{mode} {} {} {payload}", **canister, path(module))?;
                let keep = options
                    .keep
                    .map(|keep| if keep { "keep" } else { "replace" });
                let skip = options.skip_pre_upgrade.then_some("skip-pre-upgrade");
                let words: Vec<&str> = skip.into_iter().chain(keep).collect();
                with(f, &words)
            }
            Self::Call {
                kind,
                canister,
                method: name,
                payload,
                cycles,
            } => {
                let word = match kind {
                    CallKind::Ingress => "ingress",
                    CallKind::Query => "query",
                    CallKind::Call => "call",
                };
                write!(f, "{word} {} {} {payload}", **canister, method(name))?;
                match kind {
                    CallKind::Call => write!(f, " with {cycles} cycles"),
                    _ => Ok(()),
                }
            }
            Self::Advance(duration) => write!(f, "advance {duration}"),
            Self::Tick(rounds) => write!(f, "tick {rounds}"),
            Self::Snapshot(name) => write!(f, "snapshot {}", **name),
            Self::Restore(name) => write!(f, "restore {}", **name),
            Self::Expect(expectation) => write!(f, "{expectation}"),
            Self::TopUp { canister, cycles } => write!(f, "top-up {} {cycles}", **canister),
            Self::Manage {
                management,
                canister,
            } => write!(f, "{} {}", management.word(), **canister),
            Self::Settings { canister, settings } => {
                write!(f, "settings {}", **canister)?;
                with(f, settings)
            }
            Self::Controllers { canister, change } => {
                write!(f, "controllers {}", **canister)?;
                if let Some((change, parties)) = change {
                    write!(f, " {}", change.sign())?;
                    for party in parties {
                        write!(f, " {}", **party)?;
                    }
                }
                Ok(())
            }
            Self::HttpRespond(response) => {
                write!(
                    f,
                    "http respond {} {}",
                    idl::quoted(&response.url),
                    response.status
                )?;
                for (name, value) in &response.headers {
                    write!(f, " header {} {}", idl::quoted(name), idl::quoted(value))?;
                }
                write!(f, " 0x{}", hex::encode(&response.body))
            }
            Self::Include(file) => write!(f, "include {}", idl::quoted(file)),
            Self::Did { canister, file } => write!(f, "did {} {}", **canister, path(file)),
            Self::Stable {
                save,
                canister,
                file,
            } => {
                let word = if *save { "save" } else { "load" };
                write!(f, "stable {word} {} {}", **canister, path(file))
            }
        }
    }
}

/// `with a, b`, nothing for an empty list.
fn with(f: &mut fmt::Formatter<'_>, items: &[impl fmt::Display]) -> fmt::Result {
    for (index, item) in items.iter().enumerate() {
        let before = if index == 0 { " with" } else { "," };
        write!(f, "{before} {item}")?;
    }
    Ok(())
}
