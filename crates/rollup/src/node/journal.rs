//! A file of what waits for a block, so that it survives the process: appended to when something comes, made anew when
//! most of it is settled. A last record that was not written to its end is left out.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::batcher::Waiting;
use super::block::Operation;
use crate::encoding::reader::{Reader, put_block};
use crate::replace::replace;

/// What waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Entry {
    /// A message of the batcher.
    Message(Waiting),
    /// An operation with its number.
    Operation(u64, Operation),
}

/// The file.
pub(super) struct Journal {
    path: PathBuf,
    file: File,
    empty: bool,
}

impl Journal {
    /// Opens or makes the file; what it holds.
    pub(super) fn open(path: &Path) -> io::Result<(Self, Vec<Entry>)> {
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        let mut entries = Vec::new();
        let mut reader = Reader::new(&bytes);
        while let Some(record) = reader.block() {
            match postcard::from_bytes(record) {
                Ok(entry) => entries.push(entry),
                Err(_) => break,
            }
        }
        let mut journal = Self {
            path: path.to_owned(),
            file: File::options().create(true).append(true).open(path)?,
            empty: false,
        };
        // Nothing may follow a record that is not whole.
        journal.replace(&entries)?;
        Ok((journal, entries))
    }

    /// Adds entries; they are in the system's hands when this returns.
    pub(super) fn append(&mut self, entries: &[Entry]) -> io::Result<()> {
        let bytes = encoded(entries);
        self.file.write_all(&bytes)?;
        self.empty &= entries.is_empty();
        Ok(())
    }

    /// Replaces everything, at once.
    pub(super) fn replace(&mut self, entries: &[Entry]) -> io::Result<()> {
        self.empty = entries.is_empty();
        if entries.is_empty() {
            return self.file.set_len(0);
        }
        replace(&self.path, encoded(entries))?;
        self.file = File::options().append(true).open(&self.path)?;
        Ok(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.empty
    }
}

fn encoded(entries: &[Entry]) -> Vec<u8> {
    let mut out = Vec::new();
    for entry in entries {
        // A vector takes any number of bytes: nothing can fail.
        put_block(&mut out, &postcard::to_stdvec(entry).unwrap_or_default());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_comes_back_but_for_a_torn_end() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("journal");
        let entry = |n: u64| Entry::Operation(n, Operation::Serialized(vec![n as u8; 100]));
        let (mut journal, found) = Journal::open(&path).unwrap();
        assert!(found.is_empty());
        journal.append(&[entry(1), entry(2)]).unwrap();
        journal.append(&[entry(3)]).unwrap();
        drop(journal);
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
        let (mut journal, found) = Journal::open(&path).unwrap();
        assert_eq!(found, [entry(1), entry(2)]);
        journal.append(&[entry(4)]).unwrap();
        assert_eq!(
            Journal::open(&path).unwrap().1,
            [entry(1), entry(2), entry(4)]
        );
        let (mut journal, _) = Journal::open(&path).unwrap();
        journal.replace(&[]).unwrap();
        assert!(journal.is_empty() && Journal::open(&path).unwrap().1.is_empty());
    }
}
