//! Corpora on disk: texts in, sparse vectors out, in parts that survive a kill.
//!
//! [`CorpusReader`] reads JSON lines, CSV, TSV, Parquet and plain text, compressed or not, from
//! files or folders, as one stream of records. [`VectorWriter`] writes rows to a file that appears
//! whole or not at all; [`PartsWriter`] writes them to a folder of numbered parts and, after a
//! kill, continues where it stopped. A [`Plan`] divides a corpus into [`Unit`]s, whose parts many
//! processes make. [`VectorReader`] reads the rows back. No file is held in memory, except a
//! `.npz`, which is one matrix. Every error names the file, and the line or row in
//! it.
//!
//! ```
//! use std::fs;
//! use std::num::NonZeroU64;
//!
//! use splade_corpus::{
//!     CorpusReader, PartsOptions, PartsWriter, ReadOptions, Resumed, VectorFormat,
//!     VectorOptions, VectorReadOptions, VectorReader,
//! };
//! use splade_sparse::SparseRow;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! let input = folder.path().join("corpus.csv");
//! fs::write(&input, "id,title,text\na,Weather,\"It's so sunny, outside!\"\nb,,Rain\n")?;
//! let mut reader =
//!     CorpusReader::open(&[input], ReadOptions::default().with_text(["title", "text"]))?;
//!
//! // The same call starts, or resumes after a kill.
//! let output = folder.path().join("vectors");
//! let options = PartsOptions::new(VectorOptions::new(VectorFormat::JsonLines, 30_522))
//!     .with_rows_per_part(NonZeroU64::MIN)
//!     .with_settings(serde_json::json!({"model": "naver/splade-v3"}));
//! if let Resumed::Unfinished(mut writer) = PartsWriter::resume(&output, options)? {
//! // An error if the finished parts were made from another input.
//!     reader.skip_done(writer.manifest())?;
//!     for record in reader {
//!         let record = record?;
//!         # let encode =
//!         #     |text: &str| SparseRow::from_parts(30_522, vec![text.len() as u32], vec![1.0]);
//!         let row: SparseRow = encode(&record.text)?;
//!         writer.write(&record.id, row.view(), None)?;
//!         writer.add_input(&record.span);
//!     }
//!     writer.finish()?;
//! }
//!
//! let rows = VectorReader::open(&[output], &VectorReadOptions::default())?;
//! let ids: Vec<String> =
//!     rows.map(|row| Ok(row?.0)).collect::<Result<_, splade_corpus::CorpusError>>()?;
//! assert_eq!(ids, ["a", "b"]);
//! # Ok(())
//! # }
//! ```
//!
//! # Features
//! `parquet`: Parquet in and out, through `arrow`. Off by default; without it, a Parquet file is
//! refused by name.
#![forbid(unsafe_code)]

mod content_problem;
mod error;
mod input_problem;
mod location;
mod locations;

mod compression;
mod names;

mod content;
mod decompress;
mod json_layout;
mod json_line;
mod line_ends;
mod numbered_lines;
mod output;
mod output_file;
#[cfg(feature = "parquet")]
mod parquet_file;
mod remote;
mod stream;
mod window;

mod texts;

mod duplicates;

mod parts;
mod units;
mod vectors;

pub use compression::Compression;
pub use content_problem::ContentProblem;
pub use duplicates::{DuplicateId, IdSearch};
pub use error::{
    ColumnError, CorpusError, Difference, InputError, PartsError, RecordError, UnitError,
    VectorError,
};
pub use input_problem::InputProblem;
pub use location::{Location, LocationUnit};
pub use locations::Locations;
pub use names::FileFormat;
pub use output_file::OutputFile;
pub use parts::{
    InputRange, Manifest, PartInfo, PartWriter, PartsOptions, PartsWriter, Resumed, file_checksum,
};
pub use remote::{FileCopy, RemoteFile, RemoteFiles};
pub use stream::open_text;
pub use texts::{
    Absence, BinaryColumns, CorpusReader, Header, InputFile, InputSpan, LiveLines, Quoting,
    ReadOptions, ReadProgress, Record, TextColumn, TextFormat, UnitReader, is_object_name,
};
pub use units::{
    Attempt, FinishOptions, InputChange, LocalFolder, Machine, Mixtures, Plan, PlanOptions,
    PlannedFolder, Receipt, Unit, UnitInput, Verification, Workbench, finish_plan, finish_plan_in,
};
pub use vectors::{VectorFormat, VectorOptions, VectorReadOptions, VectorReader, VectorWriter};
