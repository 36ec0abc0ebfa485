//! From the blob that a user installs to a raw WebAssembly module: which forms are accepted, how large a module may
//! be, and what a gzip stream must look like (system-api.md 5.1, 5.3). Does not look into the module.

use std::borrow::Cow;
use std::io::Read;

use flate2::bufread::DeflateDecoder;

use super::inflate_fault;
use crate::errors::ModuleError;

/// The largest uncompressed module, in bytes.
pub(super) const MAX_MODULE_SIZE: u64 = 100 * 1024 * 1024;

const WASM_MAGIC: &[u8] = b"\0asm";
/// The gzip magic and "deflate", the only compression method there is.
const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b, 0x08];
const GZIP_MIN_LEN: usize = 16;
const GZIP_FIXED_HEADER_LEN: usize = 10;

/// The raw module inside a blob. The size that a gzip trailer states is checked before anything is extracted, so
/// that a small blob never allocates more than [`MAX_MODULE_SIZE`].
///
/// Fails with one of the decoding errors of [`ModuleError`] (system-api.md 5.3).
pub fn decode(blob: &[u8]) -> Result<Cow<'_, [u8]>, ModuleError> {
    if blob.starts_with(WASM_MAGIC) {
        check_size(blob.len() as u64)?;
        return Ok(Cow::Borrowed(blob));
    }
    if !blob.starts_with(GZIP_MAGIC) {
        return Err(ModuleError::UnsupportedFormat);
    }
    let stated = gzip_trailer_size(blob).ok_or(ModuleError::GzipTooShort)?;
    check_size(stated)?;
    extract(blob, stated).map(Cow::Owned)
}

/// The size in bytes that installing a blob is charged for when it fails before it is compiled: what a gzip trailer
/// states or the blob's own length, whichever is larger (metering.md 5.2).
pub fn stated_size(blob: &[u8]) -> u64 {
    let own = blob.len() as u64;
    if blob.starts_with(GZIP_MAGIC) {
        gzip_trailer_size(blob).map_or(own, |stated| stated.max(own))
    } else {
        own
    }
}

fn check_size(size: u64) -> Result<(), ModuleError> {
    if size > MAX_MODULE_SIZE {
        return Err(ModuleError::ModuleTooLarge {
            size,
            max: MAX_MODULE_SIZE,
        });
    }
    Ok(())
}

/// The last four bytes of the blob. They are the size of the extracted data if nothing follows the stream.
fn gzip_trailer_size(blob: &[u8]) -> Option<u64> {
    if blob.len() < GZIP_MIN_LEN {
        return None;
    }
    let trailer = blob.last_chunk::<4>()?;
    Some(u64::from(u32::from_le_bytes(*trailer)))
}

/// Extracts the first member of the stream; what follows it does not matter.
fn extract(blob: &[u8], stated: u64) -> Result<Vec<u8>, ModuleError> {
    let stream = after_gzip_header(blob).ok_or_else(|| corrupt(UNEXPECTED_END))?;
    let mut decoder = DeflateDecoder::new(stream);
    let mut module = Vec::with_capacity(stated as usize);
    let mut checksum = crc32fast::Hasher::new();
    let mut extracted = 0;
    let mut buffer = [0; 32 * 1024];
    // A stream that goes on after its stated size is only counted, up to the size that no module may have.
    while extracted <= MAX_MODULE_SIZE {
        let read = match decoder.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) => return Err(stream_fault(stream, &error.to_string())),
        };
        checksum.update(&buffer[..read]);
        extracted += read as u64;
        if extracted <= stated {
            module.extend_from_slice(&buffer[..read]);
        }
    }
    if extracted <= MAX_MODULE_SIZE {
        let expected = stream
            .get(decoder.total_in() as usize..)
            .and_then(|trailer| trailer.first_chunk::<4>())
            .ok_or_else(|| stream_fault(stream, UNEXPECTED_END))?;
        if checksum.finalize() != u32::from_le_bytes(*expected) {
            return Err(stream_fault(stream, CHECKSUM_MISMATCH));
        }
    }
    if extracted != stated {
        return Err(ModuleError::GzipSizeMismatch {
            specified: stated,
            extracted,
        });
    }
    Ok(module)
}

const UNEXPECTED_END: &str = "failed to fill whole buffer";
/// The braces are the replica's: its message was never filled in.
const CHECKSUM_MISMATCH: &str = "CRC32 mismatched: value={}, expected={}";

/// Words a damaged stream as the replica does, where that is known; our own decoder may notice the damage later.
fn stream_fault(stream: &[u8], otherwise: &str) -> ModuleError {
    match inflate_fault::reference_before_start(stream) {
        Some(reference) => corrupt(&format!(
            "Too long backword reference: buffer.len={}, distance={}",
            reference.produced, reference.distance
        )),
        None => corrupt(otherwise),
    }
}

fn corrupt(reason: &str) -> ModuleError {
    ModuleError::GzipCorrupt(reason.to_owned())
}

/// What follows the gzip header and its optional fields. Only their lengths matter, their contents are free.
fn after_gzip_header(blob: &[u8]) -> Option<&[u8]> {
    const HEADER_CHECKSUM: u8 = 1 << 1;
    const EXTRA_FIELD: u8 = 1 << 2;
    const FILE_NAME: u8 = 1 << 3;
    const COMMENT: u8 = 1 << 4;

    let flags = *blob.get(3)?;
    let mut rest = blob.get(GZIP_FIXED_HEADER_LEN..)?;
    if flags & EXTRA_FIELD != 0 {
        let (len, after) = rest.split_first_chunk::<2>()?;
        rest = after.get(usize::from(u16::from_le_bytes(*len))..)?;
    }
    for text in [FILE_NAME, COMMENT] {
        if flags & text != 0 {
            let end = rest.iter().position(|byte| *byte == 0)?;
            rest = &rest[end + 1..];
        }
    }
    if flags & HEADER_CHECKSUM != 0 {
        rest = rest.get(2..)?;
    }
    Some(rest)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, GzBuilder};

    use super::*;

    const MODULE: &[u8] = b"\0asm\x01\0\0\0";

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzBuilder::new().write(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn with_trailer(mut blob: Vec<u8>, size: u32) -> Vec<u8> {
        let len = blob.len();
        blob[len - 4..].copy_from_slice(&size.to_le_bytes());
        blob
    }

    #[test]
    fn raw_modules_are_taken_as_they_are() {
        assert!(matches!(decode(MODULE), Ok(Cow::Borrowed(MODULE))));
        assert!(decode(b"\0asm").is_ok());
    }

    #[test]
    fn other_forms_are_refused() {
        for blob in [
            &b""[..],
            b"(module)",
            b"\x1f\x8b",
            b"\x1f\x8b\x09\0\0\0\0\0\0\0\0\0\0\0\0\0",
        ] {
            assert_eq!(decode(blob), Err(ModuleError::UnsupportedFormat));
        }
    }

    #[test]
    fn gzip_is_extracted_with_any_header_fields() {
        assert_eq!(decode(&gzip(MODULE)).unwrap(), MODULE);
        let mut encoder = GzBuilder::new()
            .filename("a.wasm")
            .comment("no")
            .extra(vec![1, 2, 3])
            .mtime(7)
            .write(Vec::new(), Compression::fast());
        encoder.write_all(MODULE).unwrap();
        assert_eq!(decode(&encoder.finish().unwrap()).unwrap(), MODULE);
    }

    #[test]
    fn only_the_first_member_counts_if_the_last_bytes_hold_its_size() {
        let two = [gzip(MODULE), gzip(b"12345678")].concat();
        assert_eq!(decode(&two).unwrap(), MODULE);
        let two = [gzip(MODULE), gzip(b"123456789")].concat();
        assert_eq!(
            decode(&two),
            Err(ModuleError::GzipSizeMismatch {
                specified: 9,
                extracted: 8
            })
        );
    }

    #[test]
    fn fewer_than_16_bytes_of_gzip_are_too_short() {
        assert_eq!(decode(&gzip(MODULE)[..15]), Err(ModuleError::GzipTooShort));
    }

    #[test]
    fn the_stated_size_is_checked_before_the_stream_is_read() {
        let too_large = |size| {
            Err(ModuleError::ModuleTooLarge {
                size,
                max: 104_857_600,
            })
        };
        assert_eq!(
            decode(&with_trailer(gzip(MODULE), 104_857_601)),
            too_large(104_857_601)
        );
        // Cut short, so that other bytes stand where the size should be.
        let mut cut = gzip(MODULE);
        cut.extend_from_slice(b"junk");
        assert_eq!(
            decode(&cut),
            too_large(u64::from(u32::from_le_bytes(*b"junk")))
        );
    }

    #[test]
    fn another_size_than_the_stated_one_is_refused_in_both_directions() {
        for specified in [7, 9] {
            assert_eq!(
                decode(&with_trailer(gzip(MODULE), specified)),
                Err(ModuleError::GzipSizeMismatch {
                    specified: specified.into(),
                    extracted: 8
                })
            );
        }
    }

    #[test]
    fn a_bomb_that_states_a_small_size_is_only_counted_up_to_the_limit() {
        let bomb = with_trailer(gzip(&vec![0; 101 * 1024 * 1024]), 10);
        let Err(ModuleError::GzipSizeMismatch {
            specified: 10,
            extracted,
        }) = decode(&bomb)
        else {
            panic!("the bomb went through");
        };
        assert!(extracted > MAX_MODULE_SIZE && extracted < MAX_MODULE_SIZE + 65536);
    }

    #[test]
    fn a_wrong_checksum_is_told_as_the_replica_does() {
        let mut blob = gzip(MODULE);
        let len = blob.len();
        blob[len - 8] ^= 1;
        assert_eq!(
            decode(&blob),
            Err(ModuleError::GzipCorrupt(
                "CRC32 mismatched: value={}, expected={}".to_owned()
            ))
        );
    }

    #[test]
    fn a_raw_module_over_the_limit_is_refused() {
        let mut module = MODULE.to_vec();
        module.resize(MAX_MODULE_SIZE as usize + 1, 0);
        assert_eq!(
            decode(&module),
            Err(ModuleError::ModuleTooLarge {
                size: 104_857_601,
                max: 104_857_600
            })
        );
    }

    #[test]
    fn a_failed_installation_is_charged_for_the_larger_of_both_sizes() {
        assert_eq!(stated_size(MODULE), 8);
        assert_eq!(stated_size(&gzip(&[0; 5000])), 5000);
        let small = gzip(MODULE);
        assert_eq!(stated_size(&small), small.len() as u64);
        assert_eq!(stated_size(&with_trailer(small, 1_000_000)), 1_000_000);
        assert_eq!(stated_size(b"\x1f\x8b\x08123"), 6);
        assert_eq!(stated_size(b"text"), 4);
    }
}
