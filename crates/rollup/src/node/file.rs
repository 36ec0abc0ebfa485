//! The file of the database: it is given to the disk a few times a second and not at every block. A process that dies loses
//! nothing, a machine that loses its power may.

use std::fs::File;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use redb::{Database, DatabaseError, StorageBackend};

/// How often what was written is given to the disk, at the most.
const SYNC_PERIOD: Duration = Duration::from_millis(200);

#[cfg(test)]
thread_local! {
    /// Whether files have no room for what this thread writes.
    pub(super) static FULL: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// Opens or makes a database.
///
/// # Errors
/// If the file cannot be opened, or is something else.
pub(super) fn open(path: &Path) -> Result<Database, DatabaseError> {
    let file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(redb::StorageError::from)?;
    let backend = Lazy {
        file: redb::backends::FileBackend::new(file)?,
        last: Mutex::new(Instant::now()),
    };
    Database::builder().create_with_backend(backend)
}

/// The file, which is not given to the disk at every transaction.
#[derive(Debug)]
struct Lazy {
    file: redb::backends::FileBackend,
    last: Mutex<Instant>,
}

impl StorageBackend for Lazy {
    fn len(&self) -> Result<u64, std::io::Error> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), std::io::Error> {
        self.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> Result<(), std::io::Error> {
        self.file.set_len(len)
    }

    fn sync_data(&self) -> Result<(), std::io::Error> {
        if let Ok(mut last) = self.last.try_lock()
            && last.elapsed() > SYNC_PERIOD
        {
            *last = Instant::now();
            return self.file.sync_data();
        }
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), std::io::Error> {
        #[cfg(test)]
        if FULL.get() {
            return Err(std::io::ErrorKind::StorageFull.into());
        }
        self.file.write(offset, data)
    }

    fn close(&self) -> Result<(), std::io::Error> {
        self.file.sync_data()?;
        self.file.close()
    }
}
