//! Texts and vectors in files, and streams of texts through a model (feature `corpus`).
//!
//! [`encode_corpus`] encodes the records of a [`CorpusReader`] into a [`VectorSink`];
//! [`encode_stream`] encodes any iterator of texts. The formats are in `splade-corpus`.

mod encode;
mod stream;

pub use self::encode::{CorpusOptions, VectorSink, encode_corpus};
pub use self::stream::{StreamText, StreamTotals, TextEncoder, Windows, encode_stream};

pub use splade_corpus::{
    Absence, BinaryColumns, ColumnError, Compression, ContentProblem, CorpusError, CorpusReader,
    DuplicateId, FileFormat, Header, IdSearch, InputError, InputFile, InputProblem, InputRange,
    InputSpan, LiveLines, Location, LocationUnit, Locations, Manifest, OutputFile, PartInfo,
    PartsError, PartsOptions, PartsWriter, Quoting, ReadOptions, ReadProgress, Record, RecordError,
    Resumed, TextColumn, TextFormat, VectorError, VectorFormat, VectorOptions, VectorReadOptions,
    VectorReader, VectorWriter, file_checksum, open_text,
};
