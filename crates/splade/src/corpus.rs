//! Texts and vectors in files, and streams of texts through a model (feature `corpus`).
//!
//! [`encode_corpus`] encodes the records of a [`CorpusReader`] into a [`VectorSink`];
//! [`encode_stream`] encodes any iterator of texts. [`PartTasks`] encodes a corpus part by part, on
//! as many machines as there are. The formats are in `splade-corpus`.

mod encode;
mod model_files;
mod part_tasks;
mod places;
mod stream;
mod vector_settings;

pub use self::encode::{CorpusOptions, VectorSink, encode_corpus};
pub use self::part_tasks::{PartTaskOptions, PartTasks};
pub use self::places::Places;
pub use self::stream::{StreamText, StreamTotals, TextEncoder, Windows, encode_stream};
pub use self::vector_settings::VectorSettings;

pub use splade_corpus::{
    Absence, Attempt, BinaryColumns, ColumnError, Compression, ContentProblem, CorpusError,
    CorpusReader, Difference, DuplicateId, FileCopy, FileFormat, FinishOptions, Header, IdSearch,
    InputChange, InputError, InputFile, InputProblem, InputRange, InputSpan, LiveLines,
    LocalFolder, Location, LocationUnit, Locations, Machine, Manifest, Mixtures, OutputFile,
    PartInfo, PartWriter, PartsError, PartsOptions, PartsWriter, Plan, PlanOptions, PlannedFolder,
    Quoting, ReadOptions, ReadProgress, Receipt, Record, RecordError, RemoteFile, RemoteFiles,
    Resumed, TextColumn, TextFormat, Unit, UnitError, UnitInput, UnitReader, VectorError,
    VectorFormat, VectorOptions, VectorReadOptions, VectorReader, VectorWriter, Verification,
    Workbench, file_checksum, finish_plan, finish_plan_in, is_object_name, open_text,
};
