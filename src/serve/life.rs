//! From start to end of a server: its version for clients, the port file, and how long nobody has asked for anything
//! (pocket-ic-api.md 1).

use std::fs::{File, TryLockError};
use std::io::{ErrorKind, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The version that is told if nobody wants another.
const VERSION: &str = "16.1.0";
/// Who chooses another one.
const VERSION_VARIABLE: &str = "DRUN_POCKET_IC_VERSION";

/// The version of the server that a client wants.
///
/// # Errors
/// If what the environment says is no version, as a sentence.
pub(crate) fn version(program: &str) -> Result<String, String> {
    let Some(chosen) = crate::runner::config::environment(VERSION_VARIABLE) else {
        return Ok(version_of_link(program).unwrap_or_else(|| VERSION.to_owned()));
    };
    let chosen = chosen.to_string_lossy();
    match is_version(&chosen) {
        true => Ok(chosen.into_owned()),
        false => Err(format!(
            "{VERSION_VARIABLE}: `{chosen}` is no version such as {VERSION}"
        )),
    }
}

/// True for three numbers with points between them.
fn is_version(text: &str) -> bool {
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|it| it.is_ascii_digit());
    text.split('.').count() == 3 && text.split('.').all(is_number)
}

/// The version in the name of a link, `pocket-ic-13.0.0`.
fn version_of_link(program: &str) -> Option<String> {
    let rest = program.strip_prefix("pocket-ic")?;
    let rest = rest.strip_prefix("-server").unwrap_or(rest);
    let version = rest.strip_prefix('-')?;
    version
        .starts_with(|first: char| first.is_ascii_digit())
        .then(|| version.to_owned())
}

/// The file that tells the port. It goes with this value.
#[derive(Debug)]
pub(crate) struct PortFile {
    path: PathBuf,
    file: File,
}

impl PortFile {
    /// Takes the file for this server; nothing if another one has it that lives or is about to.
    ///
    /// # Errors
    /// If it cannot be made.
    pub(crate) fn take(path: &Path) -> std::io::Result<Option<Self>> {
        for _ in 0..2 {
            let made = File::options().write(true).create_new(true).open(path);
            match made {
                Ok(file) => {
                    // Where locks keep others from reading, the port alone tells that it lives.
                    if cfg!(unix) {
                        let _ = file.lock();
                    }
                    let path = path.to_owned();
                    return Ok(Some(PortFile { path, file }));
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                    if !is_left_behind(path) {
                        return Ok(None);
                    }
                    // Of several that find it only one will make the next.
                    let _ = std::fs::remove_file(path);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// Writes the port, when connections are accepted.
    pub(crate) fn tell(&mut self, port: u16) -> std::io::Result<()> {
        self.file.write_all(format!("{port}\n").as_bytes())
    }
}

impl Drop for PortFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// True for the file of a server that was killed: nobody has locked it, and it names a port where nobody listens. Other servers lock
/// none; ours may listen at any address.
fn is_left_behind(path: &Path) -> bool {
    if cfg!(unix)
        && let Ok(file) = File::open(path)
        && matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
    {
        return false;
    }
    let Ok(text) = std::fs::read_to_string(path) else {
        return false;
    };
    let Some(port) = text.strip_suffix('\n').and_then(|port| port.parse().ok()) else {
        return false;
    };
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    // Windows tries a port where nobody listens several times.
    let patience = Duration::from_millis(if cfg!(windows) { 5000 } else { 500 });
    let connected = TcpStream::connect_timeout(&address, patience);
    matches!(connected, Err(error) if error.kind() == ErrorKind::ConnectionRefused)
}

/// Requests under way, and when the last one ended.
#[derive(Debug)]
pub(crate) struct Activity(Mutex<(usize, Instant)>);

impl Default for Activity {
    fn default() -> Self {
        Activity(Mutex::new((0, Instant::now())))
    }
}

impl Activity {
    /// A request begins; it ends with the value.
    pub(crate) fn begin(self: &std::sync::Arc<Self>) -> Active {
        self.change(1);
        Active(std::sync::Arc::clone(self))
    }

    fn change(&self, by: isize) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.0 = state.0.saturating_add_signed(by);
        state.1 = Instant::now();
    }

    /// For how long there was no request; zero while there is one.
    pub(crate) fn idle(&self) -> Duration {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match state.0 {
            0 => state.1.elapsed(),
            _ => Duration::ZERO,
        }
    }
}

/// A request under way.
pub(crate) struct Active(std::sync::Arc<Activity>);

impl Drop for Active {
    fn drop(&mut self) {
        self.0.change(-1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_chooses_the_version() {
        for (name, version) in [
            ("pocket-ic-13.0.0", Some("13.0.0")),
            ("pocket-ic-server-10.0.0", Some("10.0.0")),
            ("pocket-ic-server", None),
            ("pocket-ic", None),
            ("drun", None),
        ] {
            assert_eq!(version_of_link(name).as_deref(), version, "{name}");
        }
    }

    #[test]
    fn a_version_is_three_numbers() {
        assert!(is_version("13.0.0") && is_version("9.10.11"));
        for text in [
            "", "abc", "13", "13.0", "13.0.", "13.0.0.1", "13.0.x", "+13.0.0",
        ] {
            assert!(!is_version(text), "{text}");
        }
    }

    #[test]
    fn a_port_file_of_the_dead_is_taken_over() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("port");
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::fs::write(&path, format!("{port}\n")).unwrap();
        assert!(PortFile::take(&path).unwrap().is_none(), "somebody listens");
        drop(listener);
        let mut taken = PortFile::take(&path).unwrap().expect("nobody listens");
        taken.tell(7).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "7\n");
        drop(taken);
        assert!(!path.exists());
    }

    #[cfg(unix)]
    #[test]
    fn a_server_that_listens_elsewhere_keeps_its_port_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("port");
        let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = nobody.local_addr().unwrap().port();
        drop(nobody);
        let mut first = PortFile::take(&path).unwrap().expect("it is free");
        first.tell(port).unwrap();
        assert!(PortFile::take(&path).unwrap().is_none());
        assert!(path.exists());
    }

    #[test]
    fn a_server_about_to_start_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("port");
        let first = PortFile::take(&path).unwrap();
        assert!(first.is_some());
        assert!(PortFile::take(&path).unwrap().is_none());
    }
}
