//! Work is resumed only with the input that its finished parts were made from.

use std::fs;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};

use splade_corpus::{
    CorpusError, CorpusReader, Manifest, PartsOptions, PartsWriter, ReadOptions, Resumed,
    VectorFormat, VectorOptions, VectorReadOptions, VectorReader,
};
use splade_sparse::SparseRow;
use tempfile::TempDir;

use crate::fixtures::{folder, gzip, message, zstd};

fn options() -> PartsOptions {
    PartsOptions::new(VectorOptions::new(VectorFormat::JsonLines, 1 << 20))
        .with_rows_per_part(NonZeroU64::new(2).unwrap())
}

/// Makes parts of the texts: all, or as many as are written before a kill.
fn work(input: &[PathBuf], output: &Path, n_rows: Option<usize>) -> Result<Manifest, CorpusError> {
    let mut reader = CorpusReader::open(input, ReadOptions::default())?;
    let mut writer = match PartsWriter::resume(output, options())? {
        Resumed::Unfinished(writer) => writer,
        Resumed::Complete(manifest) => {
            reader.check_done(&manifest)?;
            return Ok(manifest);
        }
    };
    reader.skip_done(writer.manifest())?;
    for record in reader.take(n_rows.unwrap_or(usize::MAX)) {
        let record = record?;
        let index = record.text.bytes().fold(0, |sum, byte| (sum * 31 + u32::from(byte)) % 997);
        let row = SparseRow::from_parts(1 << 20, vec![index], vec![1.0]).unwrap();
        writer.write(&record.id, row.view(), None)?;
        writer.add_input(&record.span);
    }
    match n_rows {
        Some(_) => Ok(writer.manifest().clone()),
        None => writer.finish(),
    }
}

/// Input files in their own folder; two parts of two rows are made from them, then the work stops.
struct Begun {
    input: TempDir,
    output: TempDir,
    paths: Vec<PathBuf>,
}

impl Begun {
    fn new(files: &[(&str, &[u8])], paths: &[&str]) -> Self {
        let (input, output) = (folder(files), tempfile::tempdir().unwrap());
        let paths = paths.iter().map(|name| input.path().join(name)).collect();
        let begun = Self { input, output, paths };
        let manifest = work(&begun.paths, begun.output.path(), Some(5)).unwrap();
        assert_eq!((manifest.rows, manifest.parts.len()), (4, 2));
        begun
    }

    fn of(name: &str, content: &[u8]) -> Self {
        Self::new(&[(name, content)], &[name])
    }

    fn write(&self, name: &str, content: &[u8]) {
        fs::write(self.input.path().join(name), content).unwrap();
    }

    fn resume(&self) -> Result<Manifest, CorpusError> {
        work(&self.paths, self.output.path(), None)
    }

    fn refused(&self) -> String {
        let before = fs::read(self.output.path().join("manifest.json")).unwrap();
        let error = message(&self.resume().expect_err("it is another input"));
        assert_eq!(fs::read(self.output.path().join("manifest.json")).unwrap(), before);
        error
    }

    /// Resumes, and expects what one run over the current input gives.
    fn goes_on(&self) -> Manifest {
        let manifest = self.resume().unwrap();
        let whole = tempfile::tempdir().unwrap();
        assert_eq!(manifest, work(&self.paths, whole.path(), None).unwrap());
        for part in &manifest.parts {
            let content = fs::read(self.output.path().join(&part.file)).unwrap();
            assert_eq!(content, fs::read(whole.path().join(&part.file)).unwrap());
        }
        manifest
    }
}

const LINES: &[u8] = b"one\ntwo\nthree\nfour\nfive\nsix\nseven\n";
const JSON: &[u8] = b"{\"id\":\"a\",\"text\":\"one\"}\n{\"id\":\"b\",\"text\":\"two\"}\n\
    {\"id\":\"c\",\"text\":\"three\"}\n{\"id\":\"d\",\"text\":\"four\"}\n{\"id\":\"e\",\"text\":\"five\"}\n";
const CSV: &[u8] = b"id,text\na,\"one\nand\"\nb,two\n\nc,three\nd,four\ne,five\n";

#[test]
fn the_manifest_has_a_checksum_of_the_input_of_each_part() {
    let begun = Begun::of("x.txt", LINES);
    let manifest = begun.goes_on();
    let ranges: Vec<_> = manifest.parts.iter().map(|part| &part.input[0]).collect();
    let bounds: Vec<_> = ranges.iter().map(|range| (range.start, range.end)).collect();
    assert_eq!(bounds, [(0, 8), (8, 19), (19, 28), (28, 34)]);
    assert_eq!((&*ranges[1].file, ranges[1].records), ("x.txt", 2));
    assert_eq!(ranges[1].crc32, CRC32_OF_THREE_AND_FOUR);
}

/// `python3 -c 'import zlib; print(f"{zlib.crc32(b\"three\\nfour\\n\"):08x}")'`
const CRC32_OF_THREE_AND_FOUR: &str = "03d6ecd8";

#[test]
fn any_byte_that_differs_in_what_was_read_is_refused_with_file_and_part() {
    for (name, content, n_done) in [("x.txt", LINES, 19), ("x.jsonl", JSON, 99), ("x.csv", CSV, 42)]
    {
        let begun = Begun::of(name, content);
        let last = Manifest::load(begun.output.path()).unwrap().parts[1].input[0].clone();
        assert_eq!(last.end, n_done, "{name}");
        for at in 0..n_done as usize {
            let mut other = content.to_vec();
            other[at] ^= 1;
            begun.write(name, &other);
            let error = begun.refused();
            let part = if (at as u64) < last.start { "part-00000" } else { "part-00001" };
            assert!(error.contains(name), "{at}: {error}");
            // A broken record, such as a lost quote, may be detected later.
            assert!(error.contains(part) || !error.contains("part-00000"), "{at}: {error}");
        }
        begun.write(name, content);
        begun.goes_on();
    }
}

#[test]
fn what_was_not_read_may_change_and_is_read_as_it_is() {
    for more in [&b"six\n"[..], b"FIVE\nsix\nseven\n", b"five\nsix\nseven\neight\nnine\n"] {
        let begun = Begun::of("x.txt", LINES);
        begun.write("x.txt", &[&LINES[..19], more].concat());
        begun.goes_on();
    }
    // Nothing is left: the parts hold everything.
    let begun = Begun::of("x.txt", LINES);
    begun.write("x.txt", &LINES[..19]);
    assert_eq!(begun.goes_on().rows, 4);
}

#[test]
fn an_input_that_is_shorter_than_what_was_read_is_refused() {
    let begun = Begun::of("x.txt", LINES);
    for n in [0, 3, 4, 7, 8, 14] {
        begun.write("x.txt", &LINES[..n]);
        let error = begun.refused();
        assert!(error.contains("x.txt") && error.contains("part-0000"), "{n}: {error}");
    }
    // A line that lost its line end has changed: more bytes might follow it.
    begun.write("x.txt", &LINES[..18]);
    assert!(begun.refused().contains("x.txt is not what part-00001.jsonl was made of: bytes 8 to"));
}

#[test]
fn compressed_input_is_compared_by_its_text() {
    let begun = Begun::of("x.jsonl.gz", &gzip(JSON));
    let mut members = gzip(&JSON[..40]);
    members.extend(gzip(&JSON[40..]));
    begun.write("x.jsonl.gz", &members);
    begun.goes_on();
    let begun = Begun::of("x.jsonl.zst", &zstd(JSON));
    let other = String::from_utf8(JSON.to_vec()).unwrap().replace("two", "owt");
    begun.write("x.jsonl.zst", &zstd(other.as_bytes()));
    assert!(begun.refused().contains("x.jsonl.zst is not what part-00000.jsonl was made of"));
}

#[test]
fn several_files_are_compared_one_by_one() {
    let files: [(&str, &[u8]); 4] =
        [("a.txt", b"1\n"), ("b.txt", b""), ("c.txt", b"2\n3\n"), ("d.txt", b"4\n5\n6\n")];
    let begun = || Begun::new(&files, &[""]);
    let manifest = begun().goes_on();
    let files: Vec<_> = manifest.parts[0].input.iter().map(|range| &*range.file).collect();
    assert_eq!(files, ["a.txt", "c.txt"]);
    let refused = |name: &str, content: &[u8], expected: &str| {
        let begun = begun();
        begun.write(name, content);
        let error = begun.refused();
        assert!(error.contains(expected), "{name}: {error}");
    };
    refused("c.txt", b"2\n0\n", "c.txt is not what part-00001.jsonl was made of");
    refused("a.txt", b"1\n9\n", "a.txt has more than the 1 records");
    refused("a.txt", b"", "c.txt has the next record, but part-00000.jsonl was made of `a.txt`");
    refused("b.txt", b"9\n", "b.txt has the next record, but part-00000.jsonl was made of `c.txt`");
    refused(
        "bb.txt",
        b"9\n",
        "bb.txt has the next record, but part-00000.jsonl was made of `c.txt`",
    );
    refused(
        "c.txt",
        b"2\n",
        "c.txt is not what part-00001.jsonl was made of: it ends after 0 of 1",
    );
    // What follows the part that was read.
    let begun = begun();
    begun.write("e.txt", b"7\n");
    assert_eq!(begun.goes_on().rows, 7);
}

#[test]
fn a_second_file_that_changes_the_names_of_records_is_refused() {
    let begun = Begun::new(&[("a.txt", LINES)], &[""]);
    begun.write("b.txt", b"8\n");
    let error = begun.refused();
    assert!(error.contains("a.txt has the record `a.txt:4` where `4` was before"), "{error}");
}

#[test]
fn complete_work_is_compared_with_all_of_its_input() {
    let begun = Begun::of("x.txt", LINES);
    begun.goes_on();
    begun.goes_on();
    begun.write("x.txt", &[LINES, b"eight\n"].concat());
    assert!(begun.refused().contains("x.txt has more than the 7 records"));
    begun.write("x.txt", b"one\ntwo\nthree\nfour\nfive\nsix\nSEVEN\n");
    assert!(begun.refused().contains("x.txt is not what part-00003.jsonl was made of"));
    begun.write("x.txt", &LINES[..28]);
    assert!(begun.refused().contains("x.txt is not what part-00003.jsonl was made of: it ends"));

    let begun = Begun::new(&[("a.txt", b"1\n2\n"), ("b.txt", LINES)], &[""]);
    begun.goes_on();
    begun.write("c.txt", b"8\n");
    assert!(begun.refused().contains("c.txt has more than the 0 records"));
}

#[test]
fn a_manifest_without_checksums_of_the_input_is_not_resumed_but_read() {
    let begun = Begun::of("x.txt", LINES);
    begun.goes_on();
    // As version 1 wrote it.
    let path = begun.output.path().join("manifest.json");
    let mut manifest: serde_json::Value =
        serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    manifest["version"] = 1.into();
    for part in manifest["parts"].as_array_mut().unwrap() {
        part.as_object_mut().unwrap().remove("input").unwrap();
    }
    fs::write(&path, manifest.to_string()).unwrap();
    assert!(begun.refused().contains("manifest.json: made by a version that kept no checksums"));
    let paths = [begun.output.path().to_owned()];
    let rows = VectorReader::open(&paths, &VectorReadOptions::default()).unwrap();
    assert_eq!(rows.count(), 7);

    // Rows whose input was not recorded.
    manifest["version"] = 2.into();
    fs::write(&path, manifest.to_string()).unwrap();
    assert!(begun.refused().contains("part-00000.jsonl has no checksum of its input"));
}

#[test]
fn a_manifest_with_impossible_ranges_is_refused() {
    let begun = Begun::of("x.txt", LINES);
    let path = begun.output.path().join("manifest.json");
    let manifest = fs::read_to_string(&path).unwrap();
    for (from, to) in [("\"start\": 8", "\"start\": 80"), ("\"records\": 2", "\"records\": 0")] {
        assert!(manifest.contains(from));
        fs::write(&path, manifest.replace(from, to)).unwrap();
        assert!(begun.refused().contains("manifest.json: a range of the input"));
    }
    let huge = manifest.replace("\"records\": 2", "\"records\": 18446744073709551615");
    fs::write(&path, huge).unwrap();
    assert!(begun.refused().contains("x.txt"));
}

/// Columns `id`, `text` and `other`, three rows per row group, uncompressed and without
/// dictionaries.
#[cfg(feature = "parquet")]
fn parquet(texts: &[&str], other: &str) -> Vec<u8> {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, RecordBatch, StringArray};
    use parquet::arrow::ArrowWriter;
    use parquet::file::properties::{EnabledStatistics, WriterProperties};

    let column = |texts: Vec<String>| Arc::new(StringArray::from(texts)) as ArrayRef;
    let batch = RecordBatch::try_from_iter([
        ("id", column((0..texts.len()).map(|i| format!("d{i}")).collect())),
        ("text", column(texts.iter().map(|text| (*text).to_owned()).collect())),
        ("other", column(texts.iter().map(|_| other.to_owned()).collect())),
    ])
    .unwrap();
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(3))
        .set_dictionary_enabled(false)
        .set_statistics_enabled(EnabledStatistics::None)
        .build();
    let mut file = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut file, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    file
}

#[test]
#[cfg(feature = "parquet")]
fn parquet_is_compared_by_its_footer_and_the_columns_read() {
    let texts = ["one", "two", "three", "four", "five", "six", "seven", "eight"];
    let content = parquet(&texts, "unread");
    let begun = Begun::of("x.parquet", &content);
    let refused = |from: &str, nth: usize| {
        let found = content.windows(from.len()).enumerate();
        let mut found = found.filter(|(_, bytes)| *bytes == from.as_bytes());
        let mut other = content.clone();
        other[found.nth(nth).unwrap().0] ^= 1;
        begun.write("x.parquet", &other);
        begun.refused()
    };
    // Rows of both row groups that contain the four rows; the second group is read to its end.
    for text in ["one", "two", "three", "four", "five", "six", "d0", "d5"] {
        let error = refused(text, 0);
        assert!(error.contains("x.parquet is not what part-0000"), "{text}: {error}");
    }
    // A word in the footer.
    assert!(refused("parquet-rs", 0).contains("x.parquet is not what part-00000.jsonl"));
    // Rows after them, and a column that is not read.
    for (text, nth) in [("seven", 0), ("unread", 0)] {
        let mut other = content.clone();
        let at = content.windows(text.len()).enumerate().filter(|(_, b)| *b == text.as_bytes());
        let at = at.map(|(at, _)| at).nth(nth).unwrap();
        other[at] ^= 2;
        let begun = Begun::of("x.parquet", &content);
        begun.write("x.parquet", &other);
        begun.goes_on();
    }
    // Rewritten with fewer rows.
    begun.write("x.parquet", &parquet(&texts[..5], "unread"));
    assert!(begun.refused().contains("x.parquet is not what part-00000.jsonl was made of"));
    begun.write("x.parquet", &content);
    begun.goes_on();
    begun.write("x.parquet", &parquet(&texts, "unreaD"));
    assert!(begun.resume().is_ok(), "the same bytes in the footer and in the columns read");
}
