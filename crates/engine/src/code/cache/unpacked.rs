//! Machine code on its way from an entry to the engine: in a file without a name where the system has such a thing, so that the
//! engine maps what it needs instead of copying everything, and else in memory.
//! This is a room where `unsafe` is allowed: whoever asks for a module vouches for the bytes.

use std::fs::File;
use std::io::{self, Read, Seek, Write};

use wasmtime::{Engine, Module};

/// Bytes that were unpacked so far.
pub(super) enum Unpacked {
    File(File),
    Memory(Vec<u8>),
}

impl Unpacked {
    pub(super) fn new() -> Self {
        nameless().map_or_else(|| Unpacked::Memory(Vec::new()), Unpacked::File)
    }

    /// Takes in what comes next.
    ///
    /// # Errors
    /// If there is no memory for it.
    pub(super) fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Unpacked::File(file) => file.write_all(bytes),
            Unpacked::Memory(memory) => {
                memory.extend_from_slice(bytes);
                Ok(())
            }
        }
    }

    /// The module.
    ///
    /// # Errors
    /// The engine's.
    ///
    /// # Safety
    /// All bytes together are those that an engine of this program has made.
    pub(super) unsafe fn module(self, engine: &Engine) -> wasmtime::Result<Module> {
        let memory = match self {
            Unpacked::Memory(memory) => memory,
            Unpacked::File(mut file) => {
                let mapped = file.try_clone()?;
                // SAFETY: the caller's promise; nobody else knows the file, and it is not written to any more.
                if let Ok(module) = unsafe { Module::deserialize_open_file(engine, mapped) } {
                    return Ok(module);
                }
                // Some systems let no such file become code.
                let mut memory = Vec::new();
                file.rewind()?;
                file.read_to_end(&mut memory)?;
                memory
            }
        };
        // SAFETY: the caller's promise.
        unsafe { Module::deserialize(engine, memory) }
    }
}

/// A file in memory that nobody else can open.
#[cfg(target_os = "linux")]
fn nameless() -> Option<File> {
    use std::os::fd::FromRawFd;
    // SAFETY: the name ends with a zero byte.
    let descriptor = unsafe { libc::memfd_create(c"module".as_ptr(), libc::MFD_CLOEXEC) };
    // SAFETY: it is open and belongs to nobody else.
    (descriptor >= 0).then(|| unsafe { File::from_raw_fd(descriptor) })
}

#[cfg(not(target_os = "linux"))]
fn nameless() -> Option<File> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_lead_to_the_same_module() {
        let engine = Engine::new(wasmtime::Config::new().macos_use_mach_ports(false)).unwrap();
        let text = r#"(module (func (export "go")))"#;
        let code = Module::new(&engine, wat::parse_str(text).unwrap());
        let code = code.unwrap().serialize().unwrap();
        for mut unpacked in [Unpacked::new(), Unpacked::Memory(Vec::new())] {
            for part in code.chunks(1000) {
                unpacked.push(part).unwrap();
            }
            // SAFETY: the engine has just made it.
            let module = unsafe { unpacked.module(&engine) }.unwrap();
            assert!(module.get_export("go").is_some());
        }
        let mut other = Unpacked::new();
        other.push(b"something else").unwrap();
        // SAFETY: no machine code at all, which the engine sees.
        assert!(unsafe { other.module(&engine) }.is_err());
    }
}
