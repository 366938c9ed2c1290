//! Reads little-endian numbers from a slice, with bounds checks.

use super::PytorchError;

/// A read position in a slice.
pub(super) struct Bytes<'a> {
    all: &'a [u8],
    at: usize,
}

impl<'a> Bytes<'a> {
    pub(super) fn new(all: &'a [u8]) -> Self {
        Self { all, at: 0 }
    }

    /// # Errors
    /// The slice ends before that, as for all reads.
    pub(super) fn starting_at(all: &'a [u8], at: u64) -> Result<Self, PytorchError> {
        let at = usize::try_from(at).map_err(|_| PytorchError::Truncated)?;
        if at > all.len() { Err(PytorchError::Truncated) } else { Ok(Self { all, at }) }
    }

    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// The next `n` bytes.
    pub(super) fn take(&mut self, n: usize) -> Result<&'a [u8], PytorchError> {
        let taken = self.all[self.at..].get(..n).ok_or(PytorchError::Truncated)?;
        self.at += n;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], PytorchError> {
        let &array = self.all[self.at..].first_chunk().ok_or(PytorchError::Truncated)?;
        self.at += N;
        Ok(array)
    }

    pub(super) fn u8(&mut self) -> Result<u8, PytorchError> {
        Ok(u8::from_le_bytes(self.array()?))
    }

    pub(super) fn u16(&mut self) -> Result<u16, PytorchError> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    pub(super) fn u32(&mut self) -> Result<u32, PytorchError> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    pub(super) fn u64(&mut self) -> Result<u64, PytorchError> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// The bytes up to the next line feed, which is skipped.
    pub(super) fn line(&mut self) -> Result<&'a [u8], PytorchError> {
        let rest = &self.all[self.at..];
        let length = rest.iter().position(|&b| b == b'\n').ok_or(PytorchError::Truncated)?;
        self.at += length + 1;
        Ok(&rest[..length])
    }
}
