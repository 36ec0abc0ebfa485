//! What a kernel reaches from inside the node: its debug log, and data to reveal (rollup-node.md, section 5.5).

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::dal;
use super::loser::DalLies;
use crate::encoding::hash::{Hash, blake2b};
use crate::pvm::Surroundings;
use crate::replace::replace;
use crate::reveal::{MAX_REVEAL, Request, metadata};

/// The bytes of debug text that are kept for readers over HTTP, at the least; at the most they are twice as many.
const KEPT: usize = 1 << 20;

/// What kernels have printed: a file, and the last part of it in memory.
#[derive(Default)]
pub struct DebugLog {
    file: Option<File>,
    /// The offset of the first byte that is kept.
    start: u64,
    kept: Vec<u8>,
}

impl DebugLog {
    /// With a file to append to; directories are made.
    ///
    /// # Errors
    /// If the file cannot be opened.
    pub fn open(path: Option<&Path>) -> Result<Self, String> {
        let open = |path: &Path| {
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent)?;
            }
            File::options().create(true).append(true).open(path)
        };
        let file =
            path.map(|path| open(path).map_err(|error| format!("{}: {error}", path.display())));
        Ok(Self {
            file: file.transpose()?,
            ..Self::default()
        })
    }

    fn write(&mut self, text: &[u8]) {
        if let Some(file) = &mut self.file {
            // A log that cannot be written is no reason to stop a rollup.
            let _ = file.write_all(text);
        }
        self.kept.extend_from_slice(text);
        let over = self.kept.len().saturating_sub(KEPT);
        // Not with every line: the rest is moved.
        if over > KEPT {
            self.kept.drain(..over);
            self.start += over as u64;
        }
    }

    /// What was printed from an offset on, as far as it is kept, and the offset behind it.
    pub fn since(&self, offset: u64) -> (Vec<u8>, u64) {
        let end = self.start + self.kept.len() as u64;
        let from = offset.clamp(self.start, end) - self.start;
        (self.kept[from as usize..].to_vec(), end)
    }
}

/// Where preimages and pages come from.
#[derive(Clone, Debug)]
pub struct Sources {
    /// The directory of preimages.
    pub preimages: PathBuf,
    /// A service to ask when a preimage is missing.
    pub endpoint: Option<String>,
    /// The directory of pages of the data availability layer.
    pub dal_pages: PathBuf,
    /// Whether that layer is simulated, and has parameters.
    pub dal: bool,
    /// The rollup.
    pub rollup: [u8; 20],
    /// The level it began at.
    pub origination: i32,
    /// What is said wrong on purpose.
    pub lies: DalLies,
}

impl Sources {
    /// The same without lies.
    pub fn honest(&self) -> Self {
        Self {
            lies: DalLies::default(),
            ..self.clone()
        }
    }

    /// The data for a request.
    ///
    /// # Errors
    /// The texts of the original.
    pub fn reveal(&self, request: &Request) -> Result<Vec<u8>, String> {
        if let Some(lie) = self.lies.about(request) {
            return Ok(lie);
        }
        match request {
            Request::Metadata => Ok(metadata(&self.rollup, self.origination)),
            Request::Preimage(hash) if *hash == blake2b(b"") => Ok(Vec::new()),
            Request::Preimage(hash) => self.preimage(hash),
            Request::DalPage { .. } => {
                let path = self.dal_pages.join(request.file_name().unwrap_or_default());
                fs::read(&path).map_err(|_| format!("Could not open the page {}", path.display()))
            }
            Request::DalParameters if self.dal => Ok(dal::parameters(dal::PARAMETERS)),
            Request::DalParameters => {
                Err("The parameters of the data availability layer are not simulated".into())
            }
        }
    }

    fn preimage(&self, hash: &Hash) -> Result<Vec<u8>, String> {
        let name = format!("00{}", hex::encode(hash));
        let path = self.preimages.join(&name);
        let data = match fs::read(&path) {
            Ok(data) => data,
            Err(_) => self.fetch(hash, &name).ok_or_else(|| {
                format!(
                    "Could not open file containing preimage of reveal hash {}",
                    path.display()
                )
            })?,
        };
        if data.len() > MAX_REVEAL {
            return Err(
                "Could not encode raw data to reveal with the expected protocol encoding".into(),
            );
        }
        let found = blake2b(&data);
        if found != *hash {
            return Err(format!(
                "The hash of reveal preimage is {} while a value of {} is expected",
                hex::encode(found),
                hex::encode(hash)
            ));
        }
        Ok(data)
    }

    /// Asks the service; what it gives is kept when its hash is right.
    fn fetch(&self, hash: &Hash, name: &str) -> Option<Vec<u8>> {
        let endpoint = self.endpoint.as_ref()?;
        let url = format!("{}/{name}", endpoint.trim_end_matches('/'));
        let data = super::http::get(&url).ok()?.to_vec();
        let found = blake2b(&data);
        if found != *hash {
            super::log::notice(&format!(
                "Fetched pre-image for {} instead of {} from pre-image-service",
                hex::encode(found),
                hex::encode(hash)
            ));
            return None;
        }
        let _ = fs::create_dir_all(&self.preimages);
        // Half a page would be found, and refused, ever after.
        let _ = replace(&self.preimages.join(name), &data);
        Some(data)
    }
}

/// The surroundings of a kernel in the node.
pub struct Outside {
    /// Data to reveal.
    pub sources: Arc<Sources>,
    /// What kernels print.
    pub debug: Arc<Mutex<DebugLog>>,
    /// Set when the node is to end.
    pub stop: Arc<AtomicBool>,
}

impl Surroundings for Outside {
    fn debug(&mut self, text: &[u8]) {
        let mut debug = self.debug.lock().unwrap_or_else(PoisonError::into_inner);
        debug.write(text);
    }

    fn reveal(&mut self, request: &Request) -> Result<Vec<u8>, String> {
        self.sources.reveal(request)
    }

    fn interrupted(&mut self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn overlong(&mut self, ticks: u64, limit: u64) {
        super::log::notice(&format!(
            "Warning: a kernel_run took {ticks} ticks, but a period has {limit}"
        ));
    }
}

/// The surroundings of a simulated kernel: pages that came along are looked at first, and time is bounded.
pub struct Simulated {
    /// Data to reveal.
    pub sources: Arc<Sources>,
    /// Pages by their hash.
    pub pages: HashMap<Hash, Vec<u8>>,
    /// What it printed.
    pub printed: Vec<u8>,
    /// When it must have ended.
    pub deadline: Instant,
}

impl Simulated {
    /// Without pages of its own, and with all the time it needs.
    pub fn patient(sources: Arc<Sources>) -> Self {
        const AGES: Duration = Duration::from_secs(1 << 30);
        Self {
            sources,
            pages: HashMap::new(),
            printed: Vec::new(),
            deadline: Instant::now() + AGES,
        }
    }
}

impl Surroundings for Simulated {
    fn debug(&mut self, text: &[u8]) {
        self.printed.extend_from_slice(text);
    }

    fn reveal(&mut self, request: &Request) -> Result<Vec<u8>, String> {
        if let Request::Preimage(hash) = request
            && let Some(page) = self.pages.get(hash)
        {
            return Ok(page.clone());
        }
        self.sources.reveal(request)
    }

    fn interrupted(&mut self) -> bool {
        Instant::now() > self.deadline
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_of_the_debug_text_is_its_end() {
        let mut log = DebugLog::default();
        let line = |n: usize| format!("{n:09}\n");
        let lines = 4 * KEPT / 10;
        // Every line costs what it is long, and not what is kept: that is not cut with every line.
        (0..lines).for_each(|n| log.write(line(n).as_bytes()));
        let (text, end) = log.since(0);
        assert_eq!(end, 10 * lines as u64);
        assert!(
            (KEPT + 1..=2 * KEPT).contains(&text.len()),
            "{}",
            text.len()
        );
        assert!(text.ends_with(line(lines - 1).as_bytes()));
        assert_eq!(log.since(end - 10), (line(lines - 1).into_bytes(), end));
        assert_eq!(log.since(end + 5), (Vec::new(), end));
    }
}
