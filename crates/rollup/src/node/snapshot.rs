//! Snapshots of a node's own directory: the public header, then a tar of its files, compressed as a whole unless told
//! otherwise (rollup-node.md, section 4.3).

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::panic;
use std::path::{Component, Path, PathBuf};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use super::arguments::{Arguments, home};
use super::config::HistoryMode;
use super::http;
use super::metadata::Metadata;
use super::process::lock;
use super::store::Store;
use crate::encoding::base58::{COMMITMENT, ROLLUP};
use crate::encoding::hash::Hash;
use crate::encoding::reader::Reader;
use crate::say::say;

/// The format.
const VERSION: u8 = 0;
/// The bytes of a header.
const HEADER: usize = 1 + 1 + 20 + 4 + 32;
/// Where the database is, in a directory and in a snapshot.
const DATABASE: &str = "storage/sandbox.redb";
/// Where what waits for a block is.
const WAITING: &str = "storage/waiting";

/// What stands in front of the files.
struct Header {
    mode: HistoryMode,
    rollup: [u8; 20],
    level: i32,
    commitment: Hash,
}

impl Header {
    fn encode(&self) -> Vec<u8> {
        let mut out = vec![VERSION, u8::from(self.mode == HistoryMode::Full)];
        out.extend(self.rollup);
        out.extend(self.level.to_be_bytes());
        out.extend(self.commitment);
        out
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        if reader.byte()? != VERSION {
            return None;
        }
        Some(Self {
            mode: match reader.byte()? {
                0 => HistoryMode::Archive,
                1 => HistoryMode::Full,
                _ => return None,
            },
            rollup: reader.array()?,
            level: i32::from_be_bytes(reader.array()?),
            commitment: reader.array()?,
        })
    }
}

/// `snapshot export|import|info …`.
///
/// # Errors
/// If a file cannot be read or written, or is something else.
pub(super) fn snapshot(arguments: &Arguments, words: &[&str]) -> Result<(), String> {
    match words {
        ["export"] => export(arguments, None),
        ["export", file] => export(arguments, Some(file)),
        ["import", file] => import(arguments, file),
        ["info", file] => info(file),
        _ => {
            Err("expected: snapshot export [FILE], snapshot import FILE, snapshot info FILE".into())
        }
    }
}

fn data_dir(arguments: &Arguments) -> PathBuf {
    let default = || home(".tezos-smart-rollup-node");
    arguments.data_dir.clone().unwrap_or_else(default)
}

fn failed(path: &Path) -> impl Fn(io::Error) -> String {
    let shown = path.display().to_string();
    move |error| format!("{shown}: {error}")
}

fn export(arguments: &Arguments, file: Option<&str>) -> Result<(), String> {
    if arguments.uncompressed && arguments.compress_on_the_fly {
        return Err("Cannot have both --uncompressed and --compress-on-the-fly".into());
    }
    let directory = data_dir(arguments);
    let _lock = lock(&directory)?;
    let metadata = Metadata::read(&directory)?
        .ok_or_else(|| format!("{}: there is no rollup node's data", directory.display()))?;
    let copy = directory.join("snapshot.redb");
    fs::copy(directory.join(DATABASE), &copy).map_err(failed(&copy))?;
    let result = pack(arguments, file, &directory, &copy, &metadata);
    fs::remove_file(&copy).map_err(failed(&copy))?;
    say!("Snapshot exported to {}", result?.display())?;
    Ok(())
}

/// Writes a snapshot of a copy of the database, whose newest blocks may go.
fn pack(
    arguments: &Arguments,
    file: Option<&str>,
    directory: &Path,
    copy: &Path,
    metadata: &Metadata,
) -> Result<PathBuf, String> {
    let stored = fs::read_to_string(directory.join("history-mode")).unwrap_or_default();
    let mode = HistoryMode::parse(stored.trim()).unwrap_or(HistoryMode::Archive);
    let store = Store::open(copy)?;
    let head = store.head()?.ok_or("No head")?;
    let first = store.first_level()?.unwrap_or(head.level);
    let finality = arguments.finality.or(metadata.finality()).unwrap_or(2);
    let level = match arguments.level.as_deref() {
        Some("head") => head.level,
        Some("cemented") => head.cemented.0,
        None | Some("finalized") => (head.level - finality).max(first),
        Some(level) => level
            .parse()
            .map_err(|_| format!("--level: `{level}` is not a level"))?,
    };
    if level < first || level > head.level {
        return Err(format!(
            "level {level} is not between {first} and {}",
            head.level
        ));
    }
    store.rewind(level, None)?;
    let block = store.head()?.ok_or("No head")?;
    drop(store);
    let own = block
        .commitment
        .as_ref()
        .map(|commitment| commitment.hash());
    let header = Header {
        mode,
        rollup: metadata.rollup,
        level,
        commitment: own.unwrap_or(block.previous_commitment),
    };
    let address = ROLLUP.encode(&metadata.rollup);
    let name = file.map_or_else(
        || format!("snapshot-{address}-{level}.{}", mode.name()),
        str::to_owned,
    );
    let path = arguments.dest.clone().unwrap_or_default().join(name);
    let output = File::create(&path).map_err(failed(&path))?;
    let written = if arguments.uncompressed {
        write(output, &header, directory, copy).map(drop)
    } else {
        let encoder = GzEncoder::new(output, Compression::default());
        write(encoder, &header, directory, copy).and_then(|encoder| encoder.finish().map(drop))
    };
    written.map_err(failed(&path))?;
    Ok(path)
}

fn write<W: Write>(mut out: W, header: &Header, directory: &Path, copy: &Path) -> io::Result<W> {
    out.write_all(&header.encode())?;
    let mut archive = tar::Builder::new(out);
    archive.append_path_with_name(copy, DATABASE)?;
    for name in ["metadata", "history-mode"] {
        archive.append_path_with_name(directory.join(name), name)?;
    }
    let preimages = directory.join("wasm_2_0_0");
    for entry in fs::read_dir(&preimages).into_iter().flatten().flatten() {
        let name = Path::new("wasm_2_0_0").join(entry.file_name());
        archive.append_path_with_name(entry.path(), name)?;
    }
    archive.into_inner()
}

/// The bytes of a file, of standard input, or of an address, no longer compressed, behind their header.
fn opened(file: &str) -> Result<(Header, bool, Vec<u8>), String> {
    let bytes = if file == "-" {
        let mut bytes = Vec::new();
        let read = io::stdin().read_to_end(&mut bytes);
        read.map_err(|error| error.to_string())?;
        bytes
    } else if file.starts_with("http://") {
        http::get(file)?.to_vec()
    } else {
        fs::read(file).map_err(failed(Path::new(file)))?
    };
    let compressed = bytes.starts_with(&[0x1f, 0x8b]);
    let mut plain = bytes;
    if compressed {
        let mut out = Vec::new();
        GzDecoder::new(&plain[..])
            .read_to_end(&mut out)
            .map_err(|error| format!("{file}: {error}"))?;
        plain = out;
    }
    let header = Header::decode(&plain)
        .ok_or_else(|| format!("{file} is not a snapshot of a rollup node"))?;
    plain.drain(..HEADER);
    Ok((header, compressed, plain))
}

fn info(file: &str) -> Result<(), String> {
    let (header, compressed, _) = opened(file)?;
    say!("Valid smart rollup node snapshot.")?;
    for (label, value) in [
        (
            "Format:",
            if compressed {
                "compressed"
            } else {
                "uncompressed"
            }
            .to_owned(),
        ),
        ("History mode:", header.mode.name().to_owned()),
        ("Rollup address:", ROLLUP.encode(&header.rollup)),
        ("Head level:", header.level.to_string()),
        ("Last commitment:", COMMITMENT.encode(&header.commitment)),
    ] {
        say!("{label:<17}{value}")?;
    }
    Ok(())
}

fn import(arguments: &Arguments, file: &str) -> Result<(), String> {
    let (header, _, files) = opened(file)?;
    let directory = data_dir(arguments);
    fs::create_dir_all(&directory).map_err(failed(&directory))?;
    let _lock = lock(&directory)?;
    if let Some(owner) = Metadata::read(&directory)?
        && owner.rollup != header.rollup
    {
        return Err(format!(
            "The existing rollup node is for {}, but the snapshot is for {}",
            ROLLUP.encode(&owner.rollup),
            ROLLUP.encode(&header.rollup)
        ));
    }
    if directory.join(DATABASE).exists() && !arguments.force {
        return Err(format!("{} is already populated", directory.display()));
    }
    // Beside what is there, until it is known to be good.
    let new = directory.join("import.new");
    let _ = fs::remove_dir_all(&new);
    let imported = unpacked(arguments, &header, &files, &new)
        .map_err(|error| format!("{file}: {error}"))
        .and_then(|()| take_over(&new, &directory));
    let removed = fs::remove_dir_all(&new).map_err(failed(&new));
    imported.and(removed)?;
    say!("Snapshot successfully imported")?;
    Ok(())
}

/// Unpacks a snapshot into a directory of its own and looks at it.
fn unpacked(
    arguments: &Arguments,
    header: &Header,
    files: &[u8],
    new: &Path,
) -> Result<(), String> {
    fs::create_dir_all(new).map_err(failed(new))?;
    if !unpack(files, new).map_err(|error| error.to_string())? {
        return Err("snapshot was made by Octez (Irmin context); cannot be used here".into());
    }
    if arguments.no_check {
        return Ok(());
    }
    let other = || "the snapshot is not what its header says".to_owned();
    let metadata = Metadata::read(new)?.ok_or_else(other)?;
    let database = new.join(DATABASE);
    let look = || -> Result<bool, String> {
        let mut store = Store::open(&database)?;
        store.check()?;
        let head = store.head()?.ok_or("No head")?;
        Ok(head.level == header.level && store.durable(&head)?.hash() == head.state.durable)
    };
    // The database may panic where bytes are damaged; that is an answer too, and its words are of no use.
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let looked = panic::catch_unwind(panic::AssertUnwindSafe(look));
    panic::set_hook(hook);
    let good = looked.unwrap_or_else(|_| Err("the database is damaged".into()))?;
    if good && metadata.rollup == header.rollup {
        Ok(())
    } else {
        Err(other())
    }
}

/// Puts unpacked files where a node expects them, the database after all that belongs to it.
fn take_over(new: &Path, directory: &Path) -> Result<(), String> {
    let preimages = fs::read_dir(new.join("wasm_2_0_0")).into_iter().flatten();
    let preimages = preimages
        .flatten()
        .map(|entry| Path::new("wasm_2_0_0").join(entry.file_name()));
    let names = ["metadata", "history-mode", DATABASE].map(PathBuf::from);
    for name in preimages.chain(names) {
        let (from, to) = (new.join(&name), directory.join(&name));
        if !from.exists() {
            continue;
        }
        let parent = to.parent().map_or(Ok(()), fs::create_dir_all);
        parent
            .and_then(|()| fs::rename(&from, &to))
            .map_err(failed(&to))?;
    }
    // What waited for a block of the former data does not wait for one of these.
    let waiting = directory.join(WAITING);
    match fs::remove_file(&waiting) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(&waiting)(error)),
        _ => Ok(()),
    }
}

/// Writes the files of a snapshot; whether our database is among them. Names that lead elsewhere are left out.
fn unpack(files: &[u8], directory: &Path) -> io::Result<bool> {
    let mut found = false;
    for entry in tar::Archive::new(files).entries()? {
        let mut entry = entry?;
        let name = entry.path()?.into_owned();
        let plain = name
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        let ours = name == Path::new(DATABASE)
            || name == Path::new("metadata")
            || name == Path::new("history-mode")
            || name.parent() == Some(Path::new("wasm_2_0_0"));
        if !plain || !ours {
            continue;
        }
        found |= name == Path::new(DATABASE);
        let path = directory.join(&name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        io::copy(&mut entry, &mut File::create(&path)?)?;
    }
    Ok(found)
}
