//! Writes a file section by section, each aligned and with its checksum.

use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;

use crc32fast::Hasher;

use crate::format::{ALIGNMENT, Section};

const BUFFER_BYTES: usize = 256 << 10;

/// Writes sections one after the other.
#[derive(Debug)]
pub(crate) struct SectionWriter {
    out: BufWriter<File>,
    position: u64,
    start: u64,
    crc: Hasher,
}

impl SectionWriter {
    /// Starts the first section after `skip` bytes that are written last.
    pub(crate) fn new(file: File, skip: u64) -> io::Result<Self> {
        let mut out = BufWriter::with_capacity(BUFFER_BYTES, file);
        out.seek(SeekFrom::Start(skip))?;
        Ok(Self { out, position: skip, start: skip, crc: Hasher::new() })
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)?;
        self.crc.update(bytes);
        self.position += bytes.len() as u64;
        Ok(())
    }

    /// Number of bytes written to the current section.
    pub(crate) fn section_len(&self) -> u64 {
        self.position - self.start
    }

    /// Ends the current section and starts the next.
    pub(crate) fn end_section(&mut self) -> io::Result<Section> {
        let section = Section {
            offset: self.start,
            len: self.section_len(),
            crc: std::mem::take(&mut self.crc).finalize(),
        };
        let padding = self.position.next_multiple_of(ALIGNMENT) - self.position;
        self.out.write_all(&[0; ALIGNMENT as usize][..padding as usize])?;
        self.position += padding;
        self.start = self.position;
        Ok(section)
    }

    /// Copies all of `spool` into the current section.
    pub(crate) fn copy(&mut self, spool: Spool) -> io::Result<()> {
        let mut file = spool.into_file()?;
        let mut buffer = vec![0; BUFFER_BYTES];
        loop {
            match file.read(&mut buffer)? {
                0 => return Ok(()),
                n => self.write(&buffer[..n])?,
            }
        }
    }

    /// Writes `first` at the start of the file, and syncs the whole file.
    pub(crate) fn finish(mut self, first: &[u8]) -> io::Result<()> {
        self.out.seek(SeekFrom::Start(0))?;
        self.out.write_all(first)?;
        self.out.flush()?;
        self.out.get_ref().sync_all()
    }

    pub(crate) fn position(&self) -> u64 {
        self.position
    }
}

/// Bytes kept in an unnamed temporary file until their section is written.
#[derive(Debug)]
pub(crate) struct Spool(BufWriter<File>);

impl Spool {
    pub(crate) fn new(folder: &Path) -> io::Result<Self> {
        Ok(Self(BufWriter::with_capacity(BUFFER_BYTES, tempfile::tempfile_in(folder)?)))
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    fn into_file(self) -> io::Result<File> {
        let mut file = self.0.into_inner().map_err(|error| error.into_error())?;
        file.seek(SeekFrom::Start(0))?;
        Ok(file)
    }

    /// Reads `len` bytes at `offset`.
    pub(crate) fn read_at(&mut self, offset: u64, len: usize) -> io::Result<Vec<u8>> {
        self.0.flush()?;
        let file = self.0.get_mut();
        file.seek(SeekFrom::Start(offset))?;
        let mut bytes = vec![0; len];
        file.read_exact(&mut bytes)?;
        file.seek(SeekFrom::End(0))?;
        Ok(bytes)
    }
}
