//! `metadata` in the data directory: whose data it is, where the rollup began, and by which constants its levels are counted
//! (rollup-node.md, sections 4.1 and 4.2). Written once, with the first block.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::block::Block;
use super::commitment::Constants;
use super::config::Settings;
use crate::encoding::base58::{COMMITMENT, ROLLUP};
use crate::replace::replace;

/// What the file says.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Metadata {
    /// The rollup.
    pub(super) rollup: [u8; 20],
    /// Its first level.
    pub(super) level: i32,
    /// The hash of the commitment of that level, as text.
    commitment: String,
    /// The hash of the first kernel in digits; nothing when that was not known.
    boot_sector: Option<String>,
    /// The constants that are numbers of levels, as the rollup began; nothing in directories of older versions.
    constants: Option<[i32; NAMES.len()]>,
}

/// The constants by the options that set them.
const NAMES: [&str; 5] = [
    "commitment-period",
    "challenge-window",
    "max-lookahead",
    "max-active-outbox-levels",
    "finality",
];

/// So many of them cannot change: commitments that are kept were counted by them.
const FIXED: usize = 2;

/// The same in a node's constants, to be read or set.
fn numbers(constants: &mut Constants) -> [&mut i32; NAMES.len()] {
    [
        &mut constants.commitment_period,
        &mut constants.challenge_window,
        &mut constants.max_lookahead,
        &mut constants.active_outbox_levels,
        &mut constants.finality,
    ]
}

fn values(mut constants: Constants) -> [i32; NAMES.len()] {
    numbers(&mut constants).map(|number| *number)
}

impl Metadata {
    /// Reads the file of a data directory; `None` when there is none.
    ///
    /// # Errors
    /// If it cannot be read, or says something else.
    pub(super) fn read(directory: &Path) -> Result<Option<Self>, String> {
        let path = directory.join("metadata");
        let wrong = |what: &dyn std::fmt::Display| format!("{}: {what}", path.display());
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(wrong(&error)),
        };
        let saved: Value = serde_json::from_str(&text).map_err(|error| wrong(&error))?;
        let word = |value: &Value| value.as_str().map(str::to_owned);
        let number = |value: &Value| value.as_i64().and_then(|n| i32::try_from(n).ok());
        let genesis = &saved["genesis_info"];
        let rollup = saved["rollup_address"].as_str().unwrap_or_default();
        let constants = NAMES.map(|name| number(&saved["constants"][name]));
        Ok(Some(Self {
            rollup: ROLLUP
                .address(rollup)
                .map_err(|error| wrong(&format!("rollup_address: {error}")))?,
            level: number(&genesis["level"])
                .ok_or_else(|| wrong(&"genesis_info: level must be a number"))?,
            commitment: word(&genesis["commitment_hash"]).unwrap_or_default(),
            boot_sector: word(&saved["boot_sector"]),
            constants: constants
                .iter()
                .all(Option::is_some)
                .then(|| constants.map(Option::unwrap_or_default)),
        }))
    }

    /// What is to be written of a node whose first block has been made.
    pub(super) fn new(settings: &Settings, genesis: &Block, boot_sector: Option<String>) -> Self {
        Self {
            rollup: settings.rollup,
            level: genesis.level,
            commitment: COMMITMENT.encode(&genesis.previous_commitment),
            boot_sector,
            constants: Some(values(settings.constants)),
        }
    }

    /// Writes the file.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn write(&self, directory: &Path) -> Result<(), String> {
        let path = directory.join("metadata");
        let constants = self.constants.map(|numbers| {
            let pairs = NAMES.iter().zip(numbers);
            let pairs = pairs.map(|(name, number)| ((*name).to_owned(), number.into()));
            Value::Object(pairs.collect())
        });
        let text = json!({
            "rollup_address": ROLLUP.encode(&self.rollup),
            "context_version": 0,
            "kind": "wasm_2_0_0",
            "genesis_info": { "level": self.level, "commitment_hash": self.commitment },
            "boot_sector": self.boot_sector,
            "constants": constants,
        });
        // A file that was not written to its end would keep the node from starting ever again.
        replace(&path, format!("{text}\n")).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// The constants as the rollup began, into those of a preset.
    pub(super) fn remembered(&self, constants: &mut Constants) {
        for (number, saved) in numbers(constants)
            .into_iter()
            .zip(self.constants.unwrap_or_default())
        {
            if self.constants.is_some() {
                *number = saved;
            }
        }
    }

    /// The distance between head and finalized block.
    pub(super) fn finality(&self) -> Option<i32> {
        self.constants.map(|[.., finality]| finality)
    }

    /// Refuses a node that would take the data for something else.
    ///
    /// # Errors
    /// If it is for another rollup, or counts levels otherwise.
    pub(super) fn check(&self, settings: &Settings) -> Result<(), String> {
        if self.rollup != settings.rollup {
            return Err(format!(
                "This rollup node was already set up for rollup {}, it cannot be run for a different rollup {}.",
                ROLLUP.encode(&self.rollup),
                ROLLUP.encode(&settings.rollup)
            ));
        }
        let mut pairs = vec![("origination-level", self.level, settings.origination_level)];
        if let Some(saved) = self.constants {
            let given = values(settings.constants);
            pairs.extend((0..FIXED).map(|n| (NAMES[n], saved[n], given[n])));
        }
        for (name, saved, given) in pairs {
            if saved != given {
                return Err(format!(
                    "This rollup node was already set up with --{name} {saved}, it cannot be run with --{name} {given}."
                ));
            }
        }
        Ok(())
    }

    /// Refuses another kernel than the first; `given` is its hash in digits.
    ///
    /// # Errors
    /// The text of the original.
    pub(super) fn check_kernel(&self, given: Option<&str>) -> Result<(), String> {
        let known = self.boot_sector.as_deref().unwrap_or_default();
        if given.is_none_or(|given| given == known) {
            return Ok(());
        }
        Err(format!(
            "Computed genesis commitment hash is not equal to the rollup genesis commitment hash \"{}\": this data was made with another boot sector",
            self.commitment
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_comes_back_and_older_files_have_no_constants() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(Metadata::read(directory.path()), Ok(None));
        let metadata = Metadata {
            rollup: [7; 20],
            level: 3,
            commitment: "src1".into(),
            boot_sector: Some("00ff".into()),
            constants: Some([1, 2, 3, 4, 5]),
        };
        metadata.write(directory.path()).unwrap();
        assert_eq!(Metadata::read(directory.path()), Ok(Some(metadata.clone())));
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
        let mut constants = Constants::preset("fast").unwrap();
        metadata.remembered(&mut constants);
        assert_eq!((constants.commitment_period, constants.finality), (1, 5));

        let older = Metadata {
            constants: None,
            ..metadata
        };
        older.write(directory.path()).unwrap();
        assert_eq!(Metadata::read(directory.path()), Ok(Some(older.clone())));
        older.remembered(&mut constants);
        assert_eq!(constants.commitment_period, 1);
        assert!(older.check_kernel(Some("00ff")).is_ok() && older.check_kernel(None).is_ok());
        assert!(older.check_kernel(Some("00fe")).is_err());
        fs::write(directory.path().join("metadata"), "{}").unwrap();
        assert!(Metadata::read(directory.path()).is_err());
    }
}
