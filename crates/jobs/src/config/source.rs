//! Where settings come from. Later sources replace what earlier ones say; keys are known by the names of variables.

use std::collections::BTreeMap;
use std::ffi::OsString;

use super::keys::{IGNORED, KEYS};
use super::targets;
use crate::rpc::Target;

/// Beginning of the variables that give a chain its nodes.
const RPC_URL: &str = "RPC_URL_";

/// Settings by key, as text.
#[derive(Clone, Debug, Default)]
pub struct Sources(BTreeMap<String, String>);

impl Sources {
    /// Adds a source that goes before those added earlier. Unknown keys and empty values are left out.
    pub fn add(&mut self, values: impl IntoIterator<Item = (String, String)>) {
        let values = values
            .into_iter()
            .filter(|(key, value)| is_known(key) && !value.is_empty());
        self.0.extend(values);
    }

    /// Adds the variables of a process.
    ///
    /// # Errors
    /// If a key that is known has a value that is not text.
    pub fn add_variables(
        &mut self,
        variables: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<(), String> {
        let known = variables.into_iter().filter_map(|(key, value)| {
            let key = key.into_string().ok().filter(|key| is_known(key))?;
            Some(match value.into_string() {
                Ok(value) => Ok((key, value)),
                Err(_) => Err(format!("{key}: not UTF-8")),
            })
        });
        let known: Vec<_> = known.collect::<Result<_, _>>()?;
        self.add(known);
        Ok(())
    }

    /// Whether any source says something.
    pub fn is_set(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    /// The value of a key or its default.
    pub fn get(&self, key: &str) -> &str {
        let default = || {
            KEYS.iter()
                .find(|known| known.name == key)
                .map_or("", |known| known.default)
        };
        self.0.get(key).map_or_else(default, String::as_str)
    }

    pub(super) fn number(&self, key: &str) -> Result<u64, String> {
        let text = self.get(key);
        text.parse()
            .map_err(|_| format!("{key}: {text:?} is not a number"))
    }

    pub(super) fn switch(&self, key: &str) -> Result<bool, String> {
        match self.get(key) {
            "0" | "false" | "no" => Ok(false),
            "1" | "true" | "yes" => Ok(true),
            other => Err(format!("{key}: {other:?} is neither 0 nor 1")),
        }
    }

    pub(super) fn rpc_urls(&self) -> Result<BTreeMap<u64, Vec<Target>>, String> {
        let mut nodes = BTreeMap::new();
        for (key, value) in &self.0 {
            if let Some(chain) = key.strip_prefix(RPC_URL) {
                let chain = chain
                    .parse()
                    .map_err(|_| format!("{key}: no chain number"))?;
                nodes.insert(chain, targets(key, value)?);
            }
        }
        Ok(nodes)
    }

    pub(super) fn ignored(&self) -> Vec<String> {
        let set = IGNORED.iter().filter(|key| self.is_set(key));
        set.map(|key| format!("{key} is ignored: it has no meaning here"))
            .collect()
    }
}

fn is_known(key: &str) -> bool {
    KEYS.iter().any(|known| known.name == key) || IGNORED.contains(&key) || key.starts_with(RPC_URL)
}

/// The settings of a configuration file; keys in upper or lower case.
///
/// # Errors
/// If it is not TOML, or has a key that is not known.
pub fn parse_toml(text: &str) -> Result<Vec<(String, String)>, String> {
    let table: toml::Table = text
        .parse()
        .map_err(|error: toml::de::Error| error.to_string())?;
    let setting = |(key, value): (String, toml::Value)| {
        let name = key.to_uppercase();
        if !is_known(&name) {
            let near = name.replace('-', "_");
            return Err(match is_known(&near) {
                true => format!("unknown key {key}, perhaps {}", near.to_lowercase()),
                false => format!("unknown key {key}"),
            });
        }
        let text = match value {
            toml::Value::String(text) => text,
            toml::Value::Integer(number) => number.to_string(),
            toml::Value::Boolean(switch) => switch.to_string(),
            _ => return Err(format!("{key}: neither text nor number")),
        };
        Ok((name, text))
    };
    table.into_iter().map(setting).collect()
}
