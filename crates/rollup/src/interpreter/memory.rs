//! Memory as plain bytes: its limits, loads and stores.

/// The size of a page of memory.
pub(super) const PAGE: usize = 65_536;
/// The most pages a memory can have.
pub(super) const MAX_PAGES: u64 = 65_536;
/// Elements that a table can grow to: our own bound, so that a kernel cannot take all memory. Compiled code has it too.
pub(crate) const MAX_TABLE: u64 = 10_000_000;
/// Locals and operands of all functions that are being called: our own bound, for the same reason.
pub(super) const MAX_STACK: usize = 1 << 24;

pub(super) fn zeroes(size: usize) -> Result<Vec<u8>, String> {
    let mut probe: Vec<u8> = Vec::new();
    probe
        .try_reserve_exact(size)
        .map_err(|_| "out of memory".to_owned())?;
    drop(probe);
    // The allocator hands out pages that are zero already; they cost nothing until they are touched.
    Ok(vec![0; size])
}

#[inline]
pub(super) fn load(byte: u8, memory: &[u8], address: u32, offset: u32) -> Option<u64> {
    let start = address as usize + offset as usize;
    let at = memory.get(start..)?;
    macro_rules! read {
        ($ty:ty) => {
            <$ty>::from_le_bytes(*at.first_chunk()?)
        };
    }
    let int = |value: i32| u64::from(value as u32);
    Some(match byte {
        0x28 | 0x35 => u64::from(read!(u32)),
        0x29 => read!(u64),
        0x2c => int(i32::from(read!(i8))),
        0x2d | 0x31 => u64::from(read!(u8)),
        0x2e => int(i32::from(read!(i16))),
        0x2f | 0x33 => u64::from(read!(u16)),
        0x30 => i64::from(read!(i8)) as u64,
        0x32 => i64::from(read!(i16)) as u64,
        _ => i64::from(read!(i32)) as u64,
    })
}

#[inline]
pub(super) fn store(
    byte: u8,
    memory: &mut [u8],
    address: u32,
    offset: u32,
    value: u64,
) -> Option<()> {
    let start = address as usize + offset as usize;
    let at = memory.get_mut(start..)?;
    let bytes = value.to_le_bytes();
    let n = match byte {
        0x36 | 0x3e => 4,
        0x37 => 8,
        0x3a | 0x3c => 1,
        _ => 2,
    };
    at.get_mut(..n)?.copy_from_slice(&bytes[..n]);
    Some(())
}
