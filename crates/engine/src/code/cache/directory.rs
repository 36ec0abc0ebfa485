//! The directory of the module cache: private to its user, written by renaming, and kept below a size by deleting what
//! was used least recently. Knows nothing about what the files hold.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Write};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::Key;
use super::entry::Unreadable;
use crate::private::{self, free, is_private};

/// The names of entries end so.
const EXTENSION: &str = "module";
/// The names of files that are being written begin so.
const UNFINISHED: &str = "unfinished-";
/// The use of an entry is recorded at this granularity, so that a warm start seldom writes.
const FRESH: Duration = Duration::from_secs(60);
/// What nobody has finished by then was interrupted.
const ABANDONED: Duration = Duration::from_secs(3600);
/// One of so many stores looks how large the directory has become.
const STORES_PER_LOOK: u8 = 16;

/// What the entries may take of the disk unless somebody says otherwise: this part of what is free and theirs, within bounds.
const PART_OF_DISK: u64 = 10;
const LIMITS: RangeInclusive<u64> = 256 << 20..=8 << 30;

pub(super) struct Directory {
    path: PathBuf,
    /// In bytes; by the room on the disk if absent.
    size_limit: Option<u64>,
}

impl Directory {
    /// A directory for this user alone; made if it is not there.
    pub(super) fn open(path: &Path, size_limit: Option<u64>) -> io::Result<Self> {
        if !path.is_dir() {
            private::make_directory(path)?;
        }
        if !is_private(&fs::metadata(path)?) {
            let text = "the directory belongs to another user or others may write to it";
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, text));
        }
        private::check_above(path)?;
        Ok(Directory {
            path: path.to_owned(),
            size_limit,
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn path_of(&self, key: &Key) -> PathBuf {
        self.path.join(hex::encode(key)).with_extension(EXTENSION)
    }

    /// The file of an entry, if there is one.
    pub(super) fn open_entry(&self, key: &Key) -> Result<Option<File>, Unreadable> {
        let file = match private::open(&self.path_of(key)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let metadata = file.metadata()?;
        if !metadata.is_file() || !is_private(&metadata) {
            return Err(Unreadable::NotPrivate);
        }
        Ok(Some(file))
    }

    /// Remembers that an entry was used just now.
    pub(super) fn used(&self, file: &File) {
        let age = file.metadata().and_then(|metadata| metadata.modified());
        if age.is_ok_and(|modified| modified.elapsed().is_ok_and(|age| age > FRESH)) {
            // On a file system that cannot be written the entry just looks old.
            let _ = file.set_modified(SystemTime::now());
        }
    }

    /// Puts an entry in place as a whole.
    pub(super) fn write_entry(&self, key: &Key, parts: &[&[u8]]) -> io::Result<()> {
        // A name of its own: nobody else writes to this file, neither now nor when it is in place.
        let mut unfinished = tempfile::Builder::new()
            .prefix(UNFINISHED)
            .tempfile_in(&self.path)?;
        parts
            .iter()
            .try_for_each(|part| unfinished.write_all(part))?;
        unfinished.persist(self.path_of(key))?;
        if key[0].is_multiple_of(STORES_PER_LOOK) {
            self.prune()?;
        }
        Ok(())
    }

    /// Deletes what was used least recently until a good part of the limit is free, if the limit is exceeded, and what
    /// interrupted processes left behind. Other processes may do the same at the same time.
    pub(super) fn prune(&self) -> io::Result<()> {
        let mut entries = Vec::new();
        let mut total = 0;
        for file in fs::read_dir(&self.path)? {
            let path = file?.path();
            let Ok(metadata) = fs::symlink_metadata(&path) else {
                continue;
            };
            let modified = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
            if path.extension() == Some(OsStr::new(EXTENSION)) {
                total += metadata.len();
                entries.push((modified, metadata.len(), path));
            } else if name.starts_with(UNFINISHED)
                && modified.elapsed().is_ok_and(|age| age > ABANDONED)
            {
                let _ = fs::remove_file(&path);
            }
        }
        let limit = match self.size_limit {
            Some(limit) => limit,
            None => {
                ((free(&self.path)? + total) / PART_OF_DISK).clamp(*LIMITS.start(), *LIMITS.end())
            }
        };
        if total <= limit {
            return Ok(());
        }
        entries.sort_unstable();
        for (_, size, path) in entries {
            if total <= limit / 4 * 3 {
                break;
            }
            let _ = fs::remove_file(path);
            total -= size;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(unix)]
    use std::os::unix::fs::PermissionsExt;

    fn directory(size_limit: u64) -> (tempfile::TempDir, Directory) {
        let base = tempfile::tempdir().unwrap();
        let directory = Directory::open(&base.path().join("a/b"), Some(size_limit)).unwrap();
        (base, directory)
    }

    #[test]
    fn without_a_limit_a_small_cache_is_left_alone_on_any_disk() {
        let base = tempfile::tempdir().unwrap();
        let directory = Directory::open(base.path(), None).unwrap();
        directory.write_entry(&[1; 32], &[&[0; 200]]).unwrap();
        directory.prune().unwrap();
        assert!(directory.open_entry(&[1; 32]).unwrap().is_some());
        #[cfg(unix)]
        assert!(free(base.path()).unwrap() > 0);
    }

    #[cfg(unix)]
    #[test]
    fn the_directory_is_made_for_its_user_alone() {
        let (_base, directory) = directory(1000);
        let mode = fs::metadata(directory.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }

    #[cfg(unix)]
    #[test]
    fn a_directory_that_others_may_write_to_is_refused() {
        let base = tempfile::tempdir().unwrap();
        fs::set_permissions(base.path(), fs::Permissions::from_mode(0o777)).unwrap();
        assert!(Directory::open(base.path(), Some(1000)).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn a_directory_below_one_that_others_may_write_to_is_refused() {
        let base = tempfile::tempdir().unwrap();
        let middle = base.path().join("middle");
        let inner = middle.join("inner");
        assert!(Directory::open(&inner, Some(1000)).is_ok());
        fs::set_permissions(&middle, fs::Permissions::from_mode(0o777)).unwrap();
        assert!(Directory::open(&inner, Some(1000)).is_err());
        // As the directory of temporary files: there nobody moves what belongs to others.
        fs::set_permissions(&middle, fs::Permissions::from_mode(0o1777)).unwrap();
        assert!(Directory::open(&inner, Some(1000)).is_ok());
    }

    #[cfg(unix)]
    #[test]
    fn an_entry_that_others_may_write_to_is_refused() {
        let (_base, directory) = directory(1000);
        directory.write_entry(&[1; 32], &[b"ab", b"c"]).unwrap();
        assert!(directory.open_entry(&[1; 32]).unwrap().is_some());
        let path = directory.path_of(&[1; 32]);
        fs::set_permissions(path, fs::Permissions::from_mode(0o666)).unwrap();
        assert!(matches!(
            directory.open_entry(&[1; 32]),
            Err(Unreadable::NotPrivate)
        ));
    }

    #[cfg(unix)]
    #[test]
    fn a_link_in_place_of_an_entry_is_not_followed() {
        let (base, directory) = directory(1000);
        let target = base.path().join("target");
        fs::write(&target, "content").unwrap();
        std::os::unix::fs::symlink(target, directory.path_of(&[2; 32])).unwrap();
        assert!(directory.open_entry(&[2; 32]).is_err());
    }

    #[test]
    fn only_the_entries_used_last_stay_when_the_limit_is_exceeded() {
        let (_base, directory) = directory(1000);
        let keys: Vec<Key> = (1..=6).map(|number| [number; 32]).collect();
        for (age, key) in keys.iter().rev().enumerate() {
            directory.write_entry(key, &[&[0; 200]]).unwrap();
            let file = directory.open_entry(key).unwrap().unwrap();
            file.set_modified(SystemTime::now() - Duration::from_secs(age as u64 * 100))
                .unwrap();
        }
        directory.prune().unwrap();
        let there = |key: &Key| directory.open_entry(key).unwrap().is_some();
        // 1200 bytes are too many; 600 are at most three quarters of the limit.
        let expected = [false, false, false, true, true, true];
        assert_eq!(keys.iter().map(there).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn what_was_read_again_stays_and_what_was_written_later_goes() {
        let (_base, directory) = directory(1000);
        let keys: Vec<Key> = (1..=6).map(|number| [number; 32]).collect();
        for (number, key) in keys.iter().enumerate() {
            directory.write_entry(key, &[&[0; 200]]).unwrap();
            let file = directory.open_entry(key).unwrap().unwrap();
            file.set_modified(SystemTime::now() - FRESH * (10 - number as u32))
                .unwrap();
        }
        directory.used(&directory.open_entry(&keys[0]).unwrap().unwrap());
        directory.prune().unwrap();
        let there = |key: &Key| directory.open_entry(key).unwrap().is_some();
        let expected = [true, false, false, false, true, true];
        assert_eq!(keys.iter().map(there).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn what_interrupted_processes_left_is_removed_after_a_while() {
        let (_base, directory) = directory(1000);
        let [old, new] =
            ["1-0", "2-0"].map(|name| directory.path().join(format!("{UNFINISHED}{name}")));
        for path in [&old, &new] {
            fs::write(path, "half").unwrap();
        }
        let file = File::options().write(true).open(&old).unwrap();
        file.set_modified(SystemTime::now() - 2 * ABANDONED)
            .unwrap();
        directory.prune().unwrap();
        assert!(!old.exists() && new.exists());
    }
}
