//! Modes of the node and the keys it acts with (rollup-node.md, sections 1.1 and 3). No key material is ever needed.

use std::collections::BTreeMap;
use std::path::Path;

use crate::encoding::base58::KEYS;
use crate::replace::replace;

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    Operating,
    Batching,
    Cementing,
    Recovering,
    ExecutingOutbox,
}

use Purpose::{Batching, Cementing, ExecutingOutbox, Operating, Recovering};

impl Purpose {
    const ALL: [Self; 5] = [Operating, Batching, Cementing, Recovering, ExecutingOutbox];

    /// Its name on the command line and in the newer configuration.
    pub fn name(self) -> &'static str {
        match self {
            Operating => "operating",
            Batching => "batching",
            Cementing => "cementing",
            Recovering => "recovering",
            ExecutingOutbox => "executing_outbox",
        }
    }

    /// By its name, or by the names of operations that v18 had.
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "publish" | "refute" | "timeout" => Operating,
            "add_messages" => Batching,
            "cement" => Cementing,
            "recover" => Recovering,
            "execute_outbox_message" => ExecutingOutbox,
            name => return Self::ALL.into_iter().find(|purpose| purpose.name() == name),
        })
    }
}

/// What a node does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    Operator,
    Batcher,
    Observer,
    Maintenance,
    Accuser,
    Bailout,
    /// The kinds of operations that it injects.
    Custom(Vec<String>),
}

impl Mode {
    /// By its word.
    ///
    /// # Errors
    /// The texts of the original.
    pub fn parse(word: &str) -> Result<Self, String> {
        Ok(match word {
            "operator" => Self::Operator,
            "batcher" => Self::Batcher,
            "observer" => Self::Observer,
            "maintenance" => Self::Maintenance,
            "accuser" => Self::Accuser,
            "bailout" => Self::Bailout,
            word => match word.strip_prefix("custom") {
                Some("" | ":") => return Err("Operation kinds for custom mode are empty.".into()),
                Some(kinds) if kinds.starts_with(':') => {
                    let kinds: Vec<String> = kinds[1..].split(',').map(str::to_owned).collect();
                    if let Some(bad) = kinds.iter().find(|kind| Purpose::parse(kind).is_none()) {
                        return Err(format!("Invalid mode: unknown operation kind `{bad}`"));
                    }
                    Self::Custom(kinds)
                }
                _ => return Err("Invalid mode".into()),
            },
        })
    }

    /// Its word.
    pub fn name(&self) -> String {
        match self {
            Self::Operator => "operator".into(),
            Self::Batcher => "batcher".into(),
            Self::Observer => "observer".into(),
            Self::Maintenance => "maintenance".into(),
            Self::Accuser => "accuser".into(),
            Self::Bailout => "bailout".into(),
            Self::Custom(kinds) => format!("custom:{}", kinds.join(",")),
        }
    }

    /// The purposes that need a key.
    pub fn purposes(&self) -> Vec<Purpose> {
        match self {
            Self::Operator => vec![Operating, Batching, Cementing, ExecutingOutbox],
            Self::Batcher => vec![Batching],
            Self::Observer => Vec::new(),
            Self::Maintenance => vec![Operating, Cementing, ExecutingOutbox],
            Self::Accuser => vec![Operating],
            Self::Bailout => vec![Operating, Cementing, Recovering],
            Self::Custom(kinds) => {
                let mut purposes: Vec<Purpose> = kinds
                    .iter()
                    .filter_map(|kind| Purpose::parse(kind))
                    .collect();
                purposes.sort();
                purposes.dedup();
                purposes
            }
        }
    }

    /// Whether messages can be injected.
    pub fn has_batcher(&self) -> bool {
        self.purposes().contains(&Batching)
    }

    /// Whether the node publishes its own commitments.
    pub fn publishes(&self) -> bool {
        match self {
            Self::Operator | Self::Maintenance => true,
            Self::Custom(kinds) => kinds
                .iter()
                .any(|kind| kind == "publish" || kind == "operating"),
            _ => false,
        }
    }

    /// Whether the node cements published commitments.
    pub fn cements(&self) -> bool {
        match self {
            Self::Operator | Self::Maintenance | Self::Bailout => true,
            Self::Custom(kinds) => kinds
                .iter()
                .any(|kind| kind == "cement" || kind == "cementing"),
            Self::Batcher | Self::Observer | Self::Accuser => false,
        }
    }

    /// Whether the node disputes commitments that it finds wrong.
    pub fn refutes(&self) -> bool {
        match self {
            Self::Operator | Self::Maintenance | Self::Accuser | Self::Bailout => true,
            Self::Custom(kinds) => kinds
                .iter()
                .any(|kind| kind == "refute" || kind == "operating"),
            Self::Batcher | Self::Observer => false,
        }
    }

    /// Whether outbox messages that match a filter are executed.
    pub fn executes(&self) -> bool {
        self.purposes().contains(&ExecutingOutbox)
    }
}

/// Keys by what they are for.
pub(super) type Operators = BTreeMap<Purpose, Vec<String>>;

/// The well-known keys of a sandbox.
const BOOTSTRAP: [&str; 5] = [
    "tz1KqTpEZ7Yob7QbPE4Hy4Wo8fHG8LhKxZSx",
    "tz1gjaF81ZRRvdzjobyfVNsAeSC6PScjfQwN",
    "tz1faswCTDciRzE4oJ9jn2Vm2dvjeyA9fUzU",
    "tz1b7tUupMgCNw2cCLpKTkSD1NZzB5TkP2sv",
    "tz1ddb9NMYHZi5UzPdzTZMYQQZoMub195zgv",
];

/// The address of a key: itself, a name of the sandbox, or a name of the wallet.
pub(super) fn key(text: &str, base_dir: &Path) -> Result<String, String> {
    if KEYS.iter().any(|kind| kind.address(text).is_ok()) {
        return Ok(text.to_owned());
    }
    if let Some(known) = text
        .strip_prefix("bootstrap")
        .and_then(|n| n.parse::<usize>().ok())
        .and_then(|n| BOOTSTRAP.get(n.checked_sub(1)?))
    {
        return Ok((*known).to_owned());
    }
    alias(base_dir, "public_key_hashs", text)
        .ok_or_else(|| format!("no public key hash alias named {text}"))
}

/// The value of a name in a file of the wallet.
pub(crate) fn alias(base_dir: &Path, file: &str, name: &str) -> Option<String> {
    let text = std::fs::read_to_string(base_dir.join(file)).ok()?;
    let entries: serde_json::Value = serde_json::from_str(&text).ok()?;
    let entry = entries
        .as_array()?
        .iter()
        .find(|entry| entry["name"] == name)?;
    entry["value"].as_str().map(str::to_owned)
}

/// Remembers a name in a file of the wallet.
///
/// # Errors
/// If the file cannot be written.
pub(super) fn memorise(base_dir: &Path, file: &str, name: &str, value: &str) -> Result<(), String> {
    let path = base_dir.join(file);
    let wrong = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    // What cannot be read is somebody's, and is not replaced.
    let mut entries: Vec<serde_json::Value> = match std::fs::read_to_string(&path) {
        Ok(text) => serde_json::from_str(&text).map_err(|error| wrong(&error))?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(wrong(&error)),
    };
    entries.retain(|entry| entry["name"] != name);
    entries.push(serde_json::json!({ "name": name, "value": value }));
    let text = serde_json::Value::from(entries).to_string();
    std::fs::create_dir_all(base_dir)
        .and_then(|()| replace(&path, text))
        .map_err(|error| wrong(&error))
}

/// Reads the words after `with operators`: a key, or a purpose with a key.
///
/// # Errors
/// The texts of the original: unknown names, a second default.
pub(super) fn parse(
    words: &[String],
    base_dir: &Path,
) -> Result<(Operators, Option<String>), String> {
    let mut operators = Operators::new();
    let mut default = None;
    for word in words {
        let (purpose, name) = match word.split_once(':') {
            Some(("default", name)) => (None, name),
            Some((purpose, name)) => match Purpose::parse(purpose) {
                Some(purpose) => (Some(purpose), name),
                None => return Err(format!("Unknown operator purpose `{purpose}`")),
            },
            None => (None, word.as_str()),
        };
        let address = key(name, base_dir)?;
        match purpose {
            None if default.is_some() => return Err("Multiple default operators".into()),
            None => default = Some(address),
            Some(Batching) => operators.entry(Batching).or_default().push(address),
            Some(purpose) => {
                if operators.insert(purpose, vec![address]).is_some() {
                    return Err(format!("Multiple operators for purpose {}", purpose.name()));
                }
            }
        }
    }
    Ok((operators, default))
}

/// Fills the purposes of a mode from the default; unneeded keys are told and dropped.
///
/// # Errors
/// If a purpose has no key.
pub(super) fn complete(
    mode: &Mode,
    mut given: Operators,
    default: Option<&str>,
    warn: &mut dyn FnMut(String),
) -> Result<Operators, String> {
    let needed = mode.purposes();
    let unused: Vec<&str> = given
        .keys()
        .filter(|purpose| !needed.contains(purpose))
        .map(|purpose| purpose.name())
        .collect();
    if !unused.is_empty() {
        warn(format!(
            "[Warning]: Unused operators for {}.",
            unused.join(", ")
        ));
    }
    given.retain(|purpose, _| needed.contains(purpose));
    let mut missing = Vec::new();
    for purpose in needed {
        match (given.contains_key(&purpose), default) {
            (true, _) => {}
            (false, Some(default)) => {
                given.insert(purpose, vec![default.to_owned()]);
            }
            (false, None) => missing.push(purpose.name()),
        }
    }
    if missing.is_empty() {
        Ok(given)
    } else {
        Err(format!(
            "Missing operators for purposes {}.",
            missing.join(", ")
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn keys_are_given_by_default_or_by_purpose_in_both_spellings() {
        let none = Path::new("/nowhere");
        let (given, default) = parse(
            &words("bootstrap1 batching:bootstrap2 add_messages:bootstrap3"),
            none,
        )
        .unwrap();
        let all = complete(&Mode::Operator, given, default.as_deref(), &mut |_| {}).unwrap();
        assert_eq!(all[&Operating], [BOOTSTRAP[0]]);
        assert_eq!(all[&Batching], [BOOTSTRAP[1], BOOTSTRAP[2]]);
        assert_eq!(all.len(), 4);
        assert_eq!(
            parse(&words("bootstrap1 default:bootstrap2"), none),
            Err("Multiple default operators".into())
        );
        assert!(parse(&words("nobody"), none).is_err());
    }

    #[test]
    fn missing_and_unused_keys_are_told() {
        assert_eq!(
            complete(&Mode::Operator, Operators::new(), None, &mut |_| {}),
            Err(
                "Missing operators for purposes operating, batching, cementing, executing_outbox."
                    .into()
            )
        );
        let (given, _) = parse(&words("batching:bootstrap1"), Path::new("/")).unwrap();
        let mut warnings = Vec::new();
        complete(&Mode::Observer, given, None, &mut |text| {
            warnings.push(text)
        })
        .unwrap();
        assert_eq!(warnings, ["[Warning]: Unused operators for batching."]);
    }

    #[test]
    fn a_file_of_the_wallet_that_cannot_be_read_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("smart_rollups");
        std::fs::write(&path, "somebody's").unwrap();
        let wrong = memorise(directory.path(), "smart_rollups", "one", "sr1");
        assert!(wrong.unwrap_err().contains("smart_rollups: expected value"));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "somebody's");
        std::fs::remove_file(&path).unwrap();
        memorise(directory.path(), "smart_rollups", "one", "sr1").unwrap();
        assert_eq!(
            alias(directory.path(), "smart_rollups", "one").as_deref(),
            Some("sr1")
        );
    }

    #[test]
    fn modes_have_rights() {
        assert!(Mode::parse("operator").unwrap().has_batcher());
        assert!(!Mode::parse("observer").unwrap().has_batcher());
        assert!(
            Mode::parse("custom:publish,add_messages")
                .unwrap()
                .publishes()
        );
        for bad in ["custom", "custom:", "custom:x", "king"] {
            assert!(Mode::parse(bad).is_err(), "{bad}");
        }
    }
}
