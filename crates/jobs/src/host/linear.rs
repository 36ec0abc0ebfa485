//! The guest's memory as host functions see it: every access is checked, and numbers are little-endian.

use super::abi::Errno;

/// The linear memory of a guest.
pub(super) struct Linear<'a>(pub &'a mut [u8]);

impl Linear<'_> {
    /// Bytes of the guest.
    pub(super) fn slice(&self, at: u32, len: u32) -> Result<&[u8], Errno> {
        let end = (at as usize)
            .checked_add(len as usize)
            .ok_or(Errno::FAULT)?;
        self.0.get(at as usize..end).ok_or(Errno::FAULT)
    }

    /// Bytes of the guest, to be written.
    pub(super) fn slice_mut(&mut self, at: u32, len: u32) -> Result<&mut [u8], Errno> {
        let end = (at as usize)
            .checked_add(len as usize)
            .ok_or(Errno::FAULT)?;
        self.0.get_mut(at as usize..end).ok_or(Errno::FAULT)
    }

    /// Writes bytes.
    pub(super) fn write(&mut self, at: u32, bytes: &[u8]) -> Result<(), Errno> {
        let len = u32::try_from(bytes.len()).map_err(|_| Errno::FAULT)?;
        self.slice_mut(at, len)?.copy_from_slice(bytes);
        Ok(())
    }

    /// A number of one byte.
    pub(super) fn u8(&self, at: u32) -> Result<u8, Errno> {
        Ok(self.slice(at, 1)?[0])
    }

    /// A number of two bytes.
    pub(super) fn u16(&self, at: u32) -> Result<u16, Errno> {
        self.array(at).map(u16::from_le_bytes)
    }

    /// A number of four bytes.
    pub(super) fn u32(&self, at: u32) -> Result<u32, Errno> {
        self.array(at).map(u32::from_le_bytes)
    }

    /// A number of eight bytes.
    pub(super) fn u64(&self, at: u32) -> Result<u64, Errno> {
        self.array(at).map(u64::from_le_bytes)
    }

    fn array<const N: usize>(&self, at: u32) -> Result<[u8; N], Errno> {
        self.slice(at, N as u32)?
            .try_into()
            .map_err(|_| Errno::FAULT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_outside_is_reached() {
        let mut bytes = [1, 2, 3, 4, 5, 6, 7, 8];
        let mut memory = Linear(&mut bytes);
        assert_eq!(memory.u32(4).unwrap(), 0x0807_0605);
        assert!(memory.u32(5).is_err());
        assert!(memory.slice(u32::MAX, u32::MAX).is_err());
        assert!(memory.slice(8, 0).is_ok());
        assert!(memory.write(7, &[0, 0]).is_err());
        assert_eq!(memory.u8(7).unwrap(), 8);
    }
}
