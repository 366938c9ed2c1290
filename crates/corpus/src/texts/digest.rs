//! Checksums of what was read of a file, to detect on resuming that it has changed.

use std::io::{self, BufRead, Read};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crc32fast::Hasher;

use crate::stream::TextStream;

/// The input of one record: its file, and its bytes from the end of the previous record to its own
/// end. Passed to [`PartsWriter::add_input`](crate::PartsWriter::add_input).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputSpan {
    pub(crate) file: Arc<str>,
    pub(crate) before: InputMark,
    pub(crate) after: InputMark,
}

/// A position between two records of a file, and the checksum of all that was read before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct InputMark {
    /// Records before it.
    pub(crate) record: u64,
    /// Bytes before it.
    pub(crate) byte: u64,
    /// Their CRC-32.
    pub(crate) crc32: u32,
}

impl InputMark {
    /// The CRC-32 of the bytes from here to `end`.
    pub(crate) fn crc32_to(self, end: Self) -> u32 {
        // CRC(ab) = shift(CRC(a), |b|) xor CRC(b), so CRC(b) follows from the other two.
        let mut shifted = Hasher::new_with_initial_len(self.crc32, self.byte);
        shifted.combine(&Hasher::new_with_initial_len(0, end.byte - self.byte));
        shifted.finalize() ^ end.crc32
    }
}

/// The digest of what was read of a file so far, shared by its reader and its users.
///
/// For lines and tables it covers the bytes of the text, without compression and byte order mark.
/// For Parquet it covers the bytes of the footer, then those of the columns read, as stored.
#[derive(Clone, Default)]
pub(crate) struct Digest(Arc<Mutex<(u64, Hasher)>>);

impl Digest {
    pub(crate) fn update(&self, bytes: &[u8]) {
        let mut state = self.state();
        state.0 += bytes.len() as u64;
        state.1.update(bytes);
    }

    /// Continues at a byte of the file, as if all before it had been read. Checksums of ranges from
    /// there on are those of a whole reading.
    pub(crate) fn start_at(&self, byte: u64) {
        *self.state() = (byte, Hasher::new());
    }

    /// The mark after this number of records.
    pub(crate) fn mark(&self, record: u64) -> InputMark {
        let state = self.state();
        InputMark { record, byte: state.0, crc32: state.1.clone().finalize() }
    }

    fn state(&self) -> MutexGuard<'_, (u64, Hasher)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A text whose bytes are counted and summed as they are consumed.
pub(crate) struct DigestedText {
    text: TextStream,
    digest: Digest,
}

impl DigestedText {
    pub(crate) fn new(text: TextStream, digest: &Digest) -> Self {
        Self { text, digest: digest.clone() }
    }
}

impl Read for DigestedText {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.text.read(buffer)?;
        self.digest.update(&buffer[..n]);
        Ok(n)
    }
}

impl BufRead for DigestedText {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.text.fill_buf()
    }

    fn consume(&mut self, n: usize) {
        if n == 0 {
            return;
        }
        // Consumed bytes are already in the buffer: nothing is read here, so nothing can fail.
        if let Ok(bytes) = self.text.fill_buf() {
            self.digest.update(&bytes[..n]);
        }
        self.text.consume(n);
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufReader, Cursor};

    use super::*;

    #[test]
    fn the_checksum_of_a_range_is_that_of_its_bytes() {
        let text: Vec<u8> = (0..5000_u32).map(|i| (i * i % 251) as u8).collect();
        for (start, end) in [(0, 0), (0, 5000), (1, 2), (17, 17), (99, 4099), (4999, 5000)] {
            let digest = Digest::default();
            digest.update(&text[..start]);
            let before = digest.mark(1);
            digest.update(&text[start..end]);
            let after = digest.mark(2);
            assert_eq!((before.byte, after.byte), (start as u64, end as u64));
            assert_eq!(before.crc32_to(after), crc32fast::hash(&text[start..end]));
        }
    }

    #[test]
    fn a_range_after_a_jump_is_that_of_a_whole_reading() {
        let text: Vec<u8> = (0..5000_u32).map(|i| (i * i % 251) as u8).collect();
        let (whole, jumped) = (Digest::default(), Digest::default());
        whole.update(&text[..1234]);
        jumped.update(b"the start of the file");
        jumped.start_at(1234);
        let before = (whole.mark(1), jumped.mark(1));
        whole.update(&text[1234..4321]);
        jumped.update(&text[1234..4321]);
        let after = (whole.mark(2), jumped.mark(2));
        assert_eq!(before.0.byte, before.1.byte);
        assert_eq!(after.0.byte, after.1.byte);
        assert_eq!(before.0.crc32_to(after.0), before.1.crc32_to(after.1));
    }

    #[test]
    fn each_byte_is_counted_once_however_it_is_taken() {
        let text = b"one\ntwo\nthree\nfour\n";
        for capacity in [1, 3, 100] {
            let digest = Digest::default();
            let stream = BufReader::with_capacity(capacity, Cursor::new(text.to_vec()));
            let mut stream = DigestedText::new(Box::new(stream), &digest);
            let mut line = String::new();
            stream.read_line(&mut line).unwrap();
            assert_eq!(digest.mark(1).byte, 4);
            stream.read_exact(&mut [0; 6]).unwrap();
            stream.fill_buf().unwrap();
            assert_eq!(digest.mark(1).crc32, crc32fast::hash(&text[..10]));
            stream.read_to_string(&mut line).unwrap();
            assert_eq!(digest.mark(1).crc32, crc32fast::hash(text));
        }
    }
}
