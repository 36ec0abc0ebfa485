//! What has to be known about a module file before it is loaded, valid or not.

use super::decode::decode;

/// True if a module file declares a 64-bit memory; false if it cannot be read.
pub fn declares_memory64(blob: &[u8]) -> bool {
    let Ok(raw) = decode(blob) else {
        return false;
    };
    wasmparser::Parser::new(0)
        .parse_all(&raw)
        .any(|payload| match payload {
            Ok(wasmparser::Payload::MemorySection(memories)) => memories
                .into_iter()
                .next()
                .is_some_and(|memory| memory.is_ok_and(|memory| memory.memory64)),
            _ => false,
        })
}

/// The content of a module file's `icp:` section of this name, public or private; nothing if there is none or the file
/// cannot be read.
pub fn icp_section(blob: &[u8], name: &str) -> Option<Vec<u8>> {
    let raw = decode(blob).ok()?;
    wasmparser::Parser::new(0)
        .parse_all(&raw)
        .map_while(Result::ok)
        .find_map(|payload| match payload {
            wasmparser::Payload::CustomSection(section) => {
                let after = section.name().strip_prefix("icp:p")?;
                let found = after
                    .strip_prefix("ublic ")
                    .or(after.strip_prefix("rivate "))?;
                (found == name).then(|| section.data().to_vec())
            }
            _ => None,
        })
}

/// True if a module file has a custom section of this name; false if it cannot be read.
pub fn has_custom_section(blob: &[u8], name: &str) -> bool {
    let Ok(raw) = decode(blob) else {
        return false;
    };
    wasmparser::Parser::new(0)
        .parse_all(&raw)
        .map_while(Result::ok)
        .any(|payload| matches!(payload, wasmparser::Payload::CustomSection(section) if section.name() == name))
}
