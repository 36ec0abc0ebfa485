//! Directories that keep the state of instances (pocket-ic-api.md 3.9), in a form of our own: one file, which is replaced as a whole, so that
//! a server that is killed leaves the last one behind. A directory may be copied while no server uses it.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use drun_ic::net::{Net, NetRecord};

use super::answer::Refusal;

/// The file.
const FILE: &str = "drun-state";
/// What it begins with: the form, whose number changes with it.
const MAGIC: &[u8] = b"drun state 2\n";
/// A file that only other servers write.
const FOREIGN: &str = "registry.proto";

/// A directory for one instance.
#[derive(Debug)]
pub(crate) struct StateDir {
    path: PathBuf,
    /// What the network had counted when it was last written.
    written: AtomicU64,
}

impl StateDir {
    /// A directory, which is made if it is not there.
    ///
    /// # Errors
    /// If it cannot be made, or holds the state of another server.
    pub(crate) fn open(path: &Path) -> Result<Self, Refusal> {
        std::fs::create_dir_all(path).map_err(|error| {
            Refusal::bad(format!(
                "The state directory {} cannot be made: {error}",
                path.display()
            ))
        })?;
        if path.join(FOREIGN).exists() && !path.join(FILE).exists() {
            return Err(Refusal::bad(format!(
                "The state directory {} is in the format of another server, which this one does not read.",
                path.display()
            )));
        }
        Ok(StateDir {
            path: path.to_owned(),
            written: AtomicU64::new(u64::MAX),
        })
    }

    /// What it keeps, if anything.
    ///
    /// # Errors
    /// If that cannot be read or is none of ours.
    pub(crate) fn read(&self) -> Result<Option<NetRecord>, Refusal> {
        let file = self.path.join(FILE);
        let wrong = |error: &dyn std::fmt::Display| {
            Refusal::bad(format!(
                "The state in {} is broken: {error}",
                file.display()
            ))
        };
        let bytes = match std::fs::read(&file) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(wrong(&error)),
        };
        let record = bytes
            .strip_prefix(MAGIC)
            .ok_or_else(|| wrong(&"it is in another form"))?;
        let record = postcard::from_bytes(record).map_err(|error| wrong(&error))?;
        Ok(Some(record))
    }

    /// True if the network has changed since it was written.
    pub(crate) fn is_behind(&self, net: &Net) -> bool {
        self.written.load(Ordering::Relaxed) != net.version()
    }

    /// Writes a network. What keeps it from being written is told on standard error: there is nobody to answer to.
    pub(crate) fn write(&self, net: &mut Net) {
        let record = net.to_record().map_err(anyhow::Error::from);
        if let Err(error) = record.and_then(|record| self.try_write(&record)) {
            let _ = writeln!(
                std::io::stderr(),
                "warning: the state in {} cannot be written: {error:#}",
                self.path.display()
            );
        }
        self.written.store(net.version(), Ordering::Relaxed);
    }

    fn try_write(&self, record: &NetRecord) -> anyhow::Result<()> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(postcard::to_stdvec(record)?);
        let new = self.path.join(format!("{FILE}.new"));
        let mut file = File::create(&new)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        std::fs::rename(new, self.path.join(FILE))?;
        Ok(())
    }
}
