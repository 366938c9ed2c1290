//! Encodes a stream of texts in bounded memory: reading, computing and taking the vectors overlap.

use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use crate::panics::panic_message;
use crate::{EncodeOptions, Encoded, EncoderPool, SparseEncoder, SpladeError};

/// Windows computed at once: while one is in its last passes, or is copied from a GPU, the next is
/// tokenised and started.
const N_WORKERS: usize = 2;
/// Further windows per worker that are read, and further ones that are computed and not yet taken.
const AHEAD: usize = 1;

/// Anything that encodes texts: a [`SparseEncoder`], or an [`EncoderPool`] over several devices.
pub trait TextEncoder: Sync {
    /// One vector for each text.
    ///
    /// # Errors
    /// See [`SparseEncoder::encode_with`].
    fn encode_texts(&self, texts: &[&str], options: &EncodeOptions)
    -> Result<Encoded, SpladeError>;
}

impl TextEncoder for SparseEncoder {
    fn encode_texts(
        &self,
        texts: &[&str],
        options: &EncodeOptions,
    ) -> Result<Encoded, SpladeError> {
        self.encode_with(texts, options)
    }
}

impl TextEncoder for EncoderPool {
    fn encode_texts(
        &self,
        texts: &[&str],
        options: &EncodeOptions,
    ) -> Result<Encoded, SpladeError> {
        self.encode_with(texts, options)
    }
}

/// An item of a stream: a text that knows where it came from.
pub trait StreamText: Send + Sync + 'static {
    /// The text itself.
    fn text(&self) -> &str;

    /// Where it came from, for errors; `row` is its index in the stream, from 0.
    fn location(&self, row: u64) -> String {
        format!("text {row}")
    }
}

impl StreamText for String {
    fn text(&self) -> &str {
        self
    }
}

/// How many texts a window holds. A stream keeps a few windows in memory, however long it is.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Windows {
    /// Texts per window. Default 1024: enough to fill passes with texts of similar length.
    pub max_texts: NonZeroUsize,
    /// Bytes of text per window, unless a single text is longer. Default 4 MiB.
    pub max_bytes: NonZeroUsize,
    /// If set, windows end at multiples of this many texts. The vectors of a part of an output then
    /// do not depend on what was computed before it, on any device.
    pub boundary: Option<NonZeroUsize>,
}

impl Default for Windows {
    fn default() -> Self {
        const TEXTS: NonZeroUsize = NonZeroUsize::new(1024).expect("not zero");
        const BYTES: NonZeroUsize = NonZeroUsize::new(4 << 20).expect("not zero");
        Self { max_texts: TEXTS, max_bytes: BYTES, boundary: None }
    }
}

impl Windows {
    /// Windows for `n_workers` devices that share the texts.
    #[must_use]
    pub fn for_workers(mut self, n_workers: usize) -> Self {
        let n_workers = NonZeroUsize::new(n_workers).unwrap_or(NonZeroUsize::MIN);
        self.max_texts = self.max_texts.saturating_mul(n_workers);
        self.max_bytes = self.max_bytes.saturating_mul(n_workers);
        self
    }

    /// Sets [`boundary`](Self::boundary).
    #[must_use]
    pub fn with_boundary(mut self, n_texts: NonZeroUsize) -> Self {
        self.boundary = Some(n_texts);
        self
    }
}

/// Counts over all windows of a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamTotals {
    /// Number of texts.
    pub n_texts: usize,
    /// Total number of tokens, after cutting.
    pub n_tokens: usize,
    /// Number of texts that were longer than `max_seq_length` and were cut.
    pub n_truncated: usize,
    /// Total number of weights.
    pub nnz: usize,
}

impl StreamTotals {
    pub(crate) fn add(&mut self, encoded: &Encoded) {
        self.n_texts += encoded.embeddings.n_rows();
        self.n_tokens += encoded.n_tokens;
        self.n_truncated += encoded.n_truncated;
        self.nnz += encoded.embeddings.nnz();
    }
}

/// Encodes the texts of a stream in order, in memory that does not grow with its length; `take`
/// gets each window of texts with its vectors.
///
/// A separate thread reads `texts` (so the iterator owns what it reads from), two windows are
/// computed at once, and meanwhile `take` runs on the calling thread. Row i of a window belongs to
/// text i of it, and windows come in the order of the stream.
///
/// # Errors
/// The first of: an error of the iterator, after `take` got all texts before it;
/// [`SpladeError::Texts`] for texts that cannot be encoded; an error of `take`.
pub fn encode_stream<T, I, E>(
    encoder: &dyn TextEncoder,
    options: &EncodeOptions,
    windows: Windows,
    texts: I,
    mut take: impl FnMut(Vec<T>, Encoded) -> Result<(), E>,
) -> Result<StreamTotals, E>
where
    T: StreamText,
    I: Iterator<Item = Result<T, E>> + Send + 'static,
    E: From<SpladeError> + Send + 'static,
{
    let (read, to_compute): (Vec<_>, Vec<_>) = (0..N_WORKERS).map(|_| sync_channel(AHEAD)).unzip();
    // Not joined: if the stream ends early, a reader that waits for input must not delay it.
    thread::spawn(move || read_windows(texts, windows, &read));
    let mut totals = StreamTotals::default();
    thread::scope(|scope| {
        let workers: Vec<Receiver<Computed<T, E>>> = to_compute
            .into_iter()
            .map(|windows| {
                let (computed, worker) = sync_channel(AHEAD);
                scope.spawn(move || compute_windows(encoder, options, &windows, &computed));
                worker
            })
            .collect();
        // Windows are sent to the workers in turn, so receiving in turn restores their order.
        for worker in workers.iter().cycle() {
            match worker.recv() {
                Ok(Computed::Window(texts, encoded)) => {
                    totals.add(&encoded);
                    take(texts, encoded)?;
                }
                Ok(Computed::Failed(error)) => return Err(error),
                Ok(Computed::End) => return Ok(()),
                Err(_) => return Err(SpladeError::StreamBroken.into()),
            }
        }
        Ok(())
    })?;
    Ok(totals)
}

/// What the reader sends to the workers, in turn.
enum Read<T, E> {
    /// Texts, with the index of the first in the stream.
    Window(u64, Vec<T>),
    Failed(E),
    End,
}

/// What a worker sends back.
enum Computed<T, E> {
    Window(Vec<T>, Encoded),
    Failed(E),
    End,
}

fn read_windows<T: StreamText, E>(
    mut texts: impl Iterator<Item = Result<T, E>>,
    windows: Windows,
    workers: &[SyncSender<Read<T, E>>],
) {
    let mut workers = workers.iter().cycle();
    // If the channel is closed, the receiver has stopped.
    let mut send = |read| workers.next().is_some_and(|worker| worker.send(read).is_ok());
    let mut first = 0;
    loop {
        let (window, last) = next_window(&mut texts, windows, first);
        let n_texts = window.len() as u64;
        if n_texts > 0 && !send(Read::Window(first, window)) {
            return;
        }
        if let Some(last) = last {
            send(last);
            return;
        }
        first += n_texts;
    }
}

/// The next window of texts, and the end or error that follows it, if it is the last.
fn next_window<T: StreamText, E>(
    texts: &mut impl Iterator<Item = Result<T, E>>,
    windows: Windows,
    first: u64,
) -> (Vec<T>, Option<Read<T, E>>) {
    let max_texts = match windows.boundary.map(|n| n.get() as u64) {
        Some(n) => windows.max_texts.get().min((n - first % n) as usize),
        None => windows.max_texts.get(),
    };
    let (mut window, mut n_bytes) = (Vec::new(), 0);
    while window.len() < max_texts && n_bytes < windows.max_bytes.get() {
        match texts.next() {
            Some(Ok(text)) => {
                n_bytes += text.text().len();
                window.push(text);
            }
            Some(Err(error)) => return (window, Some(Read::Failed(error))),
            None => return (window, Some(Read::End)),
        }
    }
    (window, None)
}

fn compute_windows<T: StreamText, E: From<SpladeError>>(
    encoder: &dyn TextEncoder,
    options: &EncodeOptions,
    windows: &Receiver<Read<T, E>>,
    out: &SyncSender<Computed<T, E>>,
) {
    for read in windows {
        let computed = match read {
            Read::Window(first, texts) => match encode(encoder, options, first, &texts) {
                Ok(encoded) => Computed::Window(texts, encoded),
                Err(error) => Computed::Failed(error.into()),
            },
            Read::Failed(error) => Computed::Failed(error),
            Read::End => Computed::End,
        };
        if out.send(computed).is_err() {
            return;
        }
    }
}

fn encode<T: StreamText>(
    encoder: &dyn TextEncoder,
    options: &EncodeOptions,
    first: u64,
    texts: &[T],
) -> Result<Encoded, SpladeError> {
    let contents: Vec<&str> = texts.iter().map(StreamText::text).collect();
    let location = |i: usize| texts[i].location(first + i as u64);
    let all = || format!("{} to {}", location(0), location(texts.len() - 1));
    // Unwind safety: what the panic left half-done is dropped, and the stream ends.
    let encoded = catch_unwind(AssertUnwindSafe(|| encoder.encode_texts(&contents, options)));
    let encoded = encoded.map_err(|panic| SpladeError::TextsPanicked {
        locations: all(),
        message: panic_message(&*panic).to_owned(),
    })?;
    encoded.map_err(|source| {
        if let SpladeError::Cancelled = source {
            return source;
        }
        let locations = match source.text() {
            Some(text) if text < texts.len() => location(text),
            _ => all(),
        };
        SpladeError::Texts { locations, source: Box::new(source) }
    })
}

#[cfg(test)]
mod tests {
    use splade_sparse::SparseMatrix;

    use super::*;
    use crate::tokenized::TextLength;

    /// A vector of one weight, the length of the text; a text of three bytes is refused, and one of
    /// eleven panics.
    struct Lengths;

    impl TextEncoder for Lengths {
        fn encode_texts(&self, texts: &[&str], _: &EncodeOptions) -> Result<Encoded, SpladeError> {
            let mut embeddings = SparseMatrix::builder(1);
            for (text, content) in texts.iter().enumerate() {
                let value = content.len() as f32;
                assert_ne!(content.len(), 11, "planted");
                if value == 3.0 {
                    return Err(SpladeError::NotFinite { text, index: 0, value: f32::NAN });
                }
                embeddings.push_dense(&[value])?;
            }
            let embeddings = embeddings.finish();
            let lengths = vec![TextLength { n_tokens: 1, n_cut: 0 }; texts.len()];
            Ok(Encoded { embeddings, n_tokens: texts.len(), n_truncated: 0, lengths })
        }
    }

    fn windows(max_texts: usize, boundary: usize) -> Windows {
        let mut windows = Windows::default().with_boundary(NonZeroUsize::new(boundary).unwrap());
        windows.max_texts = NonZeroUsize::new(max_texts).unwrap();
        windows
    }

    /// The windows that are taken, as the lengths of their texts, and how the stream ends.
    fn stream(
        texts: Vec<Result<String, SpladeError>>,
        windows: Windows,
    ) -> (Vec<Vec<f32>>, Result<StreamTotals, SpladeError>) {
        let mut taken = Vec::new();
        let options = EncodeOptions::default();
        let ended = encode_stream(&Lengths, &options, windows, texts.into_iter(), |_, encoded| {
            taken.push(encoded.embeddings.values().to_vec());
            Ok(())
        });
        (taken, ended)
    }

    fn text(n_bytes: usize) -> Result<String, SpladeError> {
        Ok("x".repeat(n_bytes))
    }

    #[test]
    fn windows_come_in_order_and_end_at_boundaries() {
        let (taken, ended) = stream([1, 2, 4, 5, 6, 7, 8, 9].map(text).into(), windows(3, 4));
        assert_eq!(taken, [&[1.0, 2.0, 4.0][..], &[5.0], &[6.0, 7.0, 8.0], &[9.0]]);
        let totals = ended.unwrap();
        assert_eq!((totals.n_texts, totals.n_tokens, totals.nnz), (8, 8, 8));
        assert_eq!(stream(Vec::new(), windows(3, 4)).0, [[0.0; 0]; 0]);
    }

    #[test]
    fn a_broken_text_stops_the_stream_after_those_before_it() {
        let broken = Err(SpladeError::NoDevices);
        let (taken, ended) = stream(vec![text(1), text(2), broken, text(4)], windows(9, 9));
        assert_eq!(taken, [[1.0, 2.0]]);
        assert!(matches!(ended, Err(SpladeError::NoDevices)));
    }

    #[test]
    fn a_text_that_cannot_be_encoded_is_named() {
        let (taken, ended) = stream([1, 2, 4, 3, 5].map(text).into(), windows(2, 8));
        assert_eq!(taken, [[1.0, 2.0]]);
        assert!(ended.unwrap_err().to_string().contains("text 3"));
    }

    #[test]
    fn a_panic_ends_the_stream_with_the_texts_at_fault() {
        let (taken, ended) = stream([1, 2, 4, 11, 5].map(text).into(), windows(2, 8));
        assert_eq!(taken, [[1.0, 2.0]]);
        let error = ended.unwrap_err().to_string();
        assert!(error.contains("text 2 to text 3") && error.contains("planted"), "{error}");
    }

    #[test]
    fn whoever_takes_may_stop() {
        let endless = (0..).map(|i| text(4 + i % 2));
        let ended =
            encode_stream(&Lengths, &EncodeOptions::default(), windows(2, 2), endless, |_, _| {
                Err(SpladeError::NoDevices)
            });
        assert!(matches!(ended, Err(SpladeError::NoDevices)));
    }
}
