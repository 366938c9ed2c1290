//! A stream whose first bytes can be inspected before it is read.

use std::io::{self, BufRead, Read};

/// The maximum number of bytes to inspect.
pub(crate) const MAX_BYTES: usize = 1 << 20;

/// A stream, and the bytes of its start that were inspected. Reading begins at the start.
pub(crate) struct Window<R> {
    source: R,
    bytes: Vec<u8>,
    n_used: usize,
    is_over: bool,
}

/// The start of a stream.
#[derive(Clone, Copy)]
pub(crate) struct Start<'a> {
    pub(crate) bytes: &'a [u8],
    /// There is nothing more to inspect: the stream ends here, or the window is full.
    pub(crate) is_all: bool,
}

impl<R: BufRead> Window<R> {
    pub(crate) fn new(source: R) -> Self {
        Self { source, bytes: Vec::new(), n_used: 0, is_over: false }
    }

    /// The bytes inspected so far.
    pub(crate) fn start(&self) -> Start<'_> {
        let bytes = &self.bytes[self.n_used..];
        Start { bytes, is_all: self.is_over || bytes.len() >= MAX_BYTES }
    }

    /// Reads ahead until there are `n` bytes.
    pub(crate) fn look_at(&mut self, n: usize) -> io::Result<Start<'_>> {
        while self.start().bytes.len() < n && !self.start().is_all {
            self.grow()?;
        }
        Ok(self.start())
    }

    /// Reads ahead until `decide` returns an answer; it must do so once nothing more can be
    /// inspected.
    pub(crate) fn look_until<T>(
        &mut self,
        decide: impl Fn(Start<'_>) -> Option<T>,
    ) -> io::Result<T> {
        loop {
            let start = self.start();
            if let Some(decision) = decide(start) {
                return Ok(decision);
            }
            assert!(!start.is_all, "all that can be seen is enough for a decision");
            self.grow()?;
        }
    }

    fn grow(&mut self) -> io::Result<()> {
        let more = loop {
            match self.source.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                more => break more?,
            }
        };
        let n = more.len();
        self.is_over = n == 0;
        self.bytes.extend_from_slice(more);
        self.source.consume(n);
        Ok(())
    }
}

impl<R: BufRead> Read for Window<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.fill_buf()?.read(buffer)?;
        self.consume(n);
        Ok(n)
    }
}

impl<R: BufRead> BufRead for Window<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.n_used < self.bytes.len() {
            return Ok(&self.bytes[self.n_used..]);
        }
        if self.is_over {
            // A terminal would ask for a second end of input.
            return Ok(&[]);
        }
        self.source.fill_buf()
    }

    fn consume(&mut self, n: usize) {
        if self.n_used == self.bytes.len() {
            return self.source.consume(n);
        }
        self.n_used += n;
        if self.n_used == self.bytes.len() {
            (self.bytes, self.n_used) = (Vec::new(), 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    #[test]
    fn what_was_looked_at_is_read_all_the_same() {
        let bytes: Vec<u8> = (0..200).collect();
        for capacity in [1, 3, 7, 500] {
            for n in [0, 1, 5, 199, 200, 300] {
                let mut window = Window::new(BufReader::with_capacity(capacity, &bytes[..]));
                let start = window.look_at(n).unwrap();
                assert!(start.bytes.len() >= n.min(200) && bytes.starts_with(start.bytes));
                assert!(start.is_all || n <= 200);
                let mut read = Vec::new();
                window.read_to_end(&mut read).unwrap();
                assert_eq!(read, bytes, "capacity {capacity}, {n} looked at");
            }
        }
    }
}
