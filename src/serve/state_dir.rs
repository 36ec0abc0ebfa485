//! Directories that keep the state of instances (pocket-ic-api.md 3.9), in a form of our own: one file, which is replaced as a whole, so that
//! a server that is killed leaves the last one behind. A directory may be copied while no server uses it.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use drun_ic::net::{Net, NetRecord, SubnetKind, SubnetRecord};

use super::answer::Refusal;

/// The file.
const FILE: &str = "drun-state";
/// What it begins with: the form, whose number changes with it.
const MAGIC: &[u8] = b"drun state 5\n";
/// What stands in the folder of a subnet, whose name is the subnet's seed in hex.
const SUBNET_FILE: &str = "drun-subnet";
const SUBNET_NOTE: &str = "The state of this subnet is in ../drun-state.\n";
/// A file that only other servers write.
const FOREIGN: &str = "registry.proto";

/// Held while a file is written and put in its place.
static WRITING: Mutex<()> = Mutex::new(());

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
        if path.as_os_str().is_empty() {
            return Err(Refusal::bad("The path of the state directory is empty."));
        }
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
        read(&self.path)
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

    /// As [`write`](Self::write), for good: each subnet gets a folder, by which another instance can be given its state.
    pub(crate) fn write_last(&self, net: &mut Net) {
        self.write(net);
        for subnet in net.living() {
            let folder = self.path.join(hex::encode(subnet.seed));
            // Without it the subnet is found by its kind.
            let _ = std::fs::create_dir_all(&folder)
                .and_then(|()| std::fs::write(folder.join(SUBNET_FILE), SUBNET_NOTE));
        }
    }

    fn try_write(&self, record: &NetRecord) -> anyhow::Result<()> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(postcard::to_stdvec(record)?);
        // Two instances may have the same directory.
        let _alone = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
        let new = self.path.join(format!("{FILE}.new"));
        let mut file = File::create(&new)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        std::fs::rename(new, self.path.join(FILE))?;
        Ok(())
    }
}

/// What a directory keeps, if anything.
fn read(path: &Path) -> Result<Option<NetRecord>, Refusal> {
    let file = path.join(FILE);
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

/// The state of a subnet of this kind, and the time of its network, in nanoseconds since the Unix epoch: in a directory of ours that has
/// one of the kind, or in the folder of one.
///
/// # Errors
/// If there is none, with the texts of pocket-ic-api.md 2.4.
pub(crate) fn subnet_at(path: &Path, kind: SubnetKind) -> Result<(u64, SubnetRecord), Refusal> {
    let shown = path.display();
    let entries = std::fs::read_dir(path).map_err(|error| {
        Refusal::bad(format!(
            "The path {shown} is not a (subnet state) directory: {error}"
        ))
    })?;
    if entries.count() == 0 {
        return Err(Refusal::bad(format!(
            "Provided an empty state directory at path {shown}."
        )));
    }
    let folder = path.join(SUBNET_FILE).exists();
    let (record, seed) = match (folder, path.canonicalize().ok()) {
        (true, Some(path)) => (
            path.parent().map(read).transpose()?.flatten(),
            path.file_name()
                .map(|name| name.to_string_lossy().into_owned()),
        ),
        _ => (read(path)?, None),
    };
    let record = record.ok_or_else(|| {
        Refusal::bad(format!(
            "The state directory at path {shown} is in the format of another server, which this one does not read."
        ))
    })?;
    let time = record.time();
    let mut found = Vec::new();
    for subnet in record.into_subnets() {
        let is_meant = match &seed {
            Some(seed) => hex::encode(subnet.seed()?) == *seed,
            None => subnet.spec()?.kind == kind,
        };
        if is_meant {
            found.push(subnet);
        }
    }
    let count = found.len();
    match found.pop() {
        Some(subnet) if count == 1 && subnet.spec()?.kind == kind => Ok((time, subnet)),
        _ if seed.is_some() => Err(Refusal::bad(format!(
            "The state at path {shown} is not that of a subnet of kind {}.",
            kind.name()
        ))),
        _ => Err(Refusal::bad(format!(
            "The state directory at path {shown} has {count} subnets of kind {}; the folder of one is what can be taken.",
            kind.name()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use drun_ic::net::{NetSettings, SubnetSpec};

    use super::*;

    #[test]
    fn two_instances_with_one_directory_write_by_turns() {
        let directory = tempfile::tempdir().unwrap();
        let write = || {
            let mut net = Net::new(NetSettings::default());
            net.add(SubnetSpec::new(SubnetKind::Application));
            let record = net.to_record().unwrap();
            let kept = StateDir::open(directory.path()).unwrap();
            for _ in 0..50 {
                kept.try_write(&record).unwrap();
            }
        };
        std::thread::scope(|scope| {
            scope.spawn(write);
            scope.spawn(write);
        });
        assert!(read(directory.path()).unwrap().is_some());
    }
}
