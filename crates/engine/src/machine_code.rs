//! Files of machine code, and what makes it safe to run what is in them: they belong to this user, nobody else may
//! write to them, and a trailer tells a whole and undamaged file of ours from anything else. Used by hosts that make machine code without
//! this crate's tiers; knows nothing of modules or caches.

use std::fs::{File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use wasmtime::{Engine, Module};

use crate::private;

const MAGIC: &[u8; 8] = b"drunjobs";
/// Bytes of the trailer: magic, length of the code, checksum.
const TRAILER: usize = 8 + 8 + 4;
/// Bytes read at once.
const CHUNK: usize = 256 << 10;

/// Whether a file or directory is one that only this user can have changed.
pub fn is_private(metadata: &Metadata) -> bool {
    private::is_private(metadata)
}

/// The content of a file for this machine code.
pub fn seal(mut code: Vec<u8>) -> Vec<u8> {
    let len = code.len() as u64;
    code.extend(MAGIC);
    code.extend(len.to_le_bytes());
    let checksum = crc32fast::hash(&code);
    code.extend(checksum.to_le_bytes());
    code
}

/// The module in a sealed file; `None` if there is any doubt about it, or the engine is not one like its maker.
pub fn load(engine: &Engine, path: &Path) -> Option<Module> {
    let mut file = private::open(path).ok()?;
    let metadata = file.metadata().ok()?;
    if !metadata.is_file() || !is_private(&metadata) || !is_whole(&mut file).ok()? {
        return None;
    }
    // SAFETY: the file is one that this program wrote: it is this user's, nobody else may write to it, and it is whole
    // (all checked above, on the same open file). Such files are replaced by renaming and never written to, so that the
    // mapping stays; the engine itself refuses code that was made by another version or for other settings.
    unsafe { Module::deserialize_open_file(engine, file) }.ok()
}

fn is_whole(file: &mut File) -> io::Result<bool> {
    let size = file.metadata()?.len();
    let Some(len) = size.checked_sub(TRAILER as u64) else {
        return Ok(false);
    };
    let mut trailer = [0; TRAILER];
    file.seek(SeekFrom::Start(len))?;
    file.read_exact(&mut trailer)?;
    if trailer[..8] != *MAGIC || trailer[8..16] != len.to_le_bytes() {
        return Ok(false);
    }
    let mut checksum = crc32fast::Hasher::new();
    let mut buffer = vec![0; CHUNK];
    let mut left = len;
    file.rewind()?;
    while left > 0 {
        let part = &mut buffer[..CHUNK.min(usize::try_from(left).unwrap_or(CHUNK))];
        file.read_exact(part)?;
        checksum.update(part);
        left -= part.len() as u64;
    }
    checksum.update(&trailer[..16]);
    Ok(trailer[16..] == checksum.finalize().to_le_bytes())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn only_whole_private_files_are_loaded() {
        let engine = Engine::new(wasmtime::Config::new().macos_use_mach_ports(false)).unwrap();
        let module = Module::new(&engine, b"\0asm\x01\0\0\0").unwrap();
        let sealed = seal(module.serialize().unwrap());
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("code");
        std::fs::write(&path, &sealed).unwrap();
        assert!(load(&engine, &path).is_some());
        for at in [0, sealed.len() / 2, sealed.len() - 1, sealed.len() - 15] {
            let mut damaged = sealed.clone();
            damaged[at] ^= 1;
            std::fs::write(&path, &damaged).unwrap();
            assert!(load(&engine, &path).is_none(), "byte {at}");
        }
        std::fs::write(&path, &sealed[..10]).unwrap();
        assert!(load(&engine, &path).is_none());
        std::fs::write(&path, &sealed).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).unwrap();
        assert!(load(&engine, &path).is_none());
        assert!(load(&engine, directory.path()).is_none());
    }
}
