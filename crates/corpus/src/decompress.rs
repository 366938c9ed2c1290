//! gzip with several members and Zstandard with several frames, skipping the padding that tools put
//! between them.

use std::io::{self, BufRead, Read};

use flate2::bufread::GzDecoder;

/// The content of all members of a gzip file. Zeros after a member are padding, added by tapes and
/// block devices; Python and GNU gzip skip them too.
pub(crate) struct GzipMembers<R> {
    /// The member being read; `None` at the end.
    member: Option<GzDecoder<R>>,
}

impl<R: BufRead> GzipMembers<R> {
    pub(crate) fn new(source: R) -> Self {
        Self { member: Some(GzDecoder::new(source)) }
    }
}

impl<R: BufRead> Read for GzipMembers<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let Some(member) = &mut self.member else { return Ok(0) };
            let n = member.read(buffer)?;
            if n > 0 || buffer.is_empty() {
                return Ok(n);
            }
            let Some(mut source) = self.member.take().map(GzDecoder::into_inner) else {
                return Ok(0);
            };
            match skip_zeros(&mut source)? {
                None => return Ok(0),
                Some(0x1f) => self.member = Some(GzDecoder::new(source)),
                Some(_) => {
                    let what = "something other than gzip follows the gzip data";
                    return Err(io::Error::new(io::ErrorKind::InvalidData, what));
                }
            }
        }
    }
}

/// Skips zeros; returns the byte after them, or `None` at the end.
fn skip_zeros(source: &mut impl BufRead) -> io::Result<Option<u8>> {
    loop {
        let bytes = source.fill_buf()?;
        let (n, next) = match bytes.iter().position(|&byte| byte != 0) {
            Some(n) => (n, Some(bytes[n])),
            None if bytes.is_empty() => return Ok(None),
            None => (bytes.len(), None),
        };
        source.consume(n);
        if next.is_some() {
            return Ok(next);
        }
    }
}

/// The content of all Zstandard frames. Skippable frames, which pzstd writes, have none.
pub(crate) struct ZstdFrames<R: BufRead>(zstd::Decoder<'static, R>);

impl<R: BufRead> ZstdFrames<R> {
    pub(crate) fn new(source: R) -> io::Result<Self> {
        zstd::Decoder::with_buffer(source).map(Self)
    }
}

impl<R: BufRead> Read for ZstdFrames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer).map_err(|error| {
            // ZSTD_error_frameParameter_windowTooLarge; the crate only exposes its text.
            if !error.to_string().contains("requires too much memory") {
                return error;
            }
            io::Error::new(
                io::ErrorKind::InvalidData,
                "it was compressed with a window of more than 128 MiB (zstd --long): decompress it \
                 first and give the result as `-`: zstd -d --long=31 -c FILE | splade ...",
            )
        })
    }
}
