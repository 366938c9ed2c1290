//! Folders of parts through the public API. The kills are in the crate's own tests.

use std::fs;
use std::num::NonZeroU64;
use std::path::Path;

use serde_json::json;
use splade_corpus::{
    Compression, CorpusError, InputError, Manifest, PartsError, PartsOptions, PartsWriter, Resumed,
    VectorFormat, VectorOptions, VectorReadOptions, VectorReader,
};
use splade_sparse::SparseRow;

use crate::fixtures::{folder, message, names};

fn options() -> PartsOptions {
    PartsOptions::new(VectorOptions::new(VectorFormat::JsonLines, 10))
        .with_rows_per_part(NonZeroU64::new(2).unwrap())
        .with_settings(json!({"model": {"name": "a"}, "task": "document"}))
}

fn row(i: u64) -> SparseRow {
    SparseRow::from_parts(10, vec![i as u32 % 10], vec![1.0 + i as f32]).unwrap()
}

/// Writes rows from the writer's position up to `n`.
fn write_to(writer: &mut PartsWriter, n: u64) {
    for i in writer.n_rows()..n {
        writer.write(&format!("d{i}"), row(i).view(), None).unwrap();
    }
}

fn resume(folder: &Path, options: PartsOptions) -> Result<Box<PartsWriter>, CorpusError> {
    match PartsWriter::resume(folder, options)? {
        Resumed::Unfinished(writer) => Ok(writer),
        Resumed::Complete(_) => panic!("it is complete"),
    }
}

#[test]
fn the_manifest_says_what_is_in_each_part() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/folder");
    let mut writer = PartsWriter::create(&path, options()).unwrap();
    for i in 0..5 {
        writer.write(&format!("d{i}"), row(i).view(), None).unwrap();
        writer.add_total("tokens", i);
    }
    let manifest = writer.finish().unwrap();
    assert_eq!(
        names(&path),
        [".lock", "manifest.json", "part-00000.jsonl", "part-00001.jsonl", "part-00002.jsonl"]
    );
    assert_eq!(manifest, Manifest::load(&path).unwrap());
    assert_eq!((manifest.complete, manifest.rows, manifest.totals["tokens"]), (true, 5, 10));
    let rows: Vec<u64> = manifest.parts.iter().map(|part| part.rows).collect();
    assert_eq!(rows, [2, 2, 1]);
    let second = &manifest.parts[1];
    assert_eq!((&*second.first_id, &*second.last_id, second.totals["tokens"]), ("d2", "d3", 5));
    // zlib.crc32 of the line, from Python 3.11.
    let line = "{\"id\":\"d4\",\"indices\":[4],\"values\":[5.0]}\n";
    assert_eq!(fs::read_to_string(path.join("part-00002.jsonl")).unwrap(), line);
    assert_eq!(manifest.parts[2].crc32, CRC32_OF_THE_LAST_PART);
    manifest.verify(&path).unwrap();

    let reader = VectorReader::open(&[path], &VectorReadOptions::default()).unwrap();
    assert_eq!(reader.dimension(), 10);
    let rows: Vec<_> = reader.collect::<Result<_, _>>().unwrap();
    assert_eq!(rows, (0..5).map(|i| (format!("d{i}"), row(i))).collect::<Vec<_>>());
}

/// `python3 -c 'import zlib; print(f"{zlib.crc32(line):08x}")'`
const CRC32_OF_THE_LAST_PART: &str = "d9b39d11";

#[test]
fn dropped_without_an_end_it_goes_on_after_the_last_whole_part() {
    let whole = tempfile::tempdir().unwrap();
    let mut writer = PartsWriter::create(whole.path(), options()).unwrap();
    write_to(&mut writer, 7);
    writer.finish().unwrap();
    for dropped_at in 0..=7 {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = PartsWriter::create(folder.path(), options()).unwrap();
        write_to(&mut writer, dropped_at);
        drop(writer);
        let mut writer = resume(folder.path(), options()).unwrap();
        // A full part is closed by the row after it.
        assert_eq!(writer.n_rows(), dropped_at.saturating_sub(1) / 2 * 2);
        let last = writer.manifest().last_id().map(str::to_owned);
        assert_eq!(last, writer.n_rows().checked_sub(1).map(|i| format!("d{i}")));
        write_to(&mut writer, 7);
        writer.finish().unwrap();
        assert_eq!(names(folder.path()), names(whole.path()));
        for name in names(folder.path()) {
            let content = fs::read(folder.path().join(&name)).unwrap();
            assert_eq!(content, fs::read(whole.path().join(&name)).unwrap(), "{name}");
        }
        let again = PartsWriter::resume(folder.path(), options()).unwrap();
        assert!(matches!(again, Resumed::Complete(manifest) if manifest.rows == 7));
    }
}

#[test]
fn no_rows_at_all_are_complete_too() {
    let folder = tempfile::tempdir().unwrap();
    resume(folder.path(), options()).unwrap().finish().unwrap();
    let again = PartsWriter::resume(folder.path(), options()).unwrap();
    assert!(matches!(again, Resumed::Complete(manifest) if manifest.rows == 0));
    let paths = [folder.path().to_owned()];
    let mut reader = VectorReader::open(&paths, &VectorReadOptions::default()).unwrap();
    assert_eq!((reader.dimension(), reader.next_row().unwrap()), (10, None));
}

#[test]
fn other_settings_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    drop(PartsWriter::create(folder.path(), options()).unwrap());
    let refused = |options| message(&resume(folder.path(), options).err().unwrap());
    let other = options().with_settings(json!({"model": {"name": "b"}, "task": "document"}));
    let error = refused(other);
    assert!(error.contains("`model.name` was \"a\", and is \"b\""), "{error}");
    let error = refused(options().with_rows_per_part(NonZeroU64::MIN));
    assert!(error.contains("`rows_per_part` was 2, and is 1"), "{error}");
    let mut other = options();
    other.vectors.dimension = 11;
    assert!(refused(other).contains("`dimension` was 10, and is 11"));
}

#[test]
fn a_folder_with_something_in_it_is_refused() {
    let folder = folder(&[("notes.txt", b"x")]);
    let error = PartsWriter::create(folder.path(), options()).err();
    assert!(matches!(error, Some(CorpusError::Parts(PartsError::FolderNotEmpty { .. }))));
    let error = resume(folder.path(), options()).err();
    assert!(matches!(error, Some(CorpusError::Parts(PartsError::NoManifest { .. }))));
    let folder = tempfile::tempdir().unwrap();
    drop(PartsWriter::create(folder.path(), options()).unwrap());
    let error = PartsWriter::create(folder.path(), options()).err();
    assert!(matches!(error, Some(CorpusError::Parts(PartsError::FolderNotEmpty { .. }))));
}

#[test]
fn a_folder_that_is_refused_stays_as_it_was() {
    let live = ".splade-live.part";
    for files in [
        &[("notes.txt", "x"), (".splade-old.part", "y")][..],
        &[("manifest.json", "{\"name\": \"a browser extension\"}"), (".splade-old.part", "y")],
        // A file that another process is writing there.
        &[(live, "y")],
    ] {
        let files: Vec<_> = files.iter().map(|(name, text)| (*name, text.as_bytes())).collect();
        let folder = folder(&files);
        let at_work = fs::File::open(folder.path().join(files[0].0)).unwrap();
        at_work.lock().unwrap();
        let before = names(folder.path());
        let error = PartsWriter::create(folder.path(), options()).err();
        assert!(
            matches!(error, Some(CorpusError::Parts(PartsError::FolderNotEmpty { .. }))),
            "{error:?}"
        );
        assert_eq!(names(folder.path()), before);
        if files[0].0 != live {
            assert!(resume(folder.path(), options()).is_err());
            assert_eq!(names(folder.path()), before);
        }
    }
    // Wrong options do not create the folder either.
    let parent = tempfile::tempdir().unwrap();
    let new = parent.path().join("new");
    let npz = VectorOptions::new(VectorFormat::Npz, 10);
    let compressed = PartsOptions::new(npz).with_compression(Compression::Gzip);
    for error in [
        PartsWriter::create(&new, compressed.clone()).err(),
        PartsWriter::resume(&new, compressed).err(),
    ] {
        assert!(matches!(error, Some(CorpusError::Input(InputError::NeedsFile { .. }))));
    }
    assert!(!new.exists());
}

#[test]
fn one_writer_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let writer = PartsWriter::create(folder.path(), options()).unwrap();
    let second = resume(folder.path(), options()).err();
    assert!(matches!(second, Some(CorpusError::Parts(PartsError::FolderLocked { .. }))));
    drop(writer);
    assert!(resume(folder.path(), options()).is_ok());
}

#[test]
fn no_row_of_a_part_that_was_changed_is_given_out() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = PartsWriter::create(folder.path(), options()).unwrap();
    write_to(&mut writer, 5);
    writer.finish().unwrap();
    let path = folder.path().join("part-00001.jsonl");
    let content = fs::read_to_string(&path).unwrap().replace("4.0", "9.0");
    fs::write(path, content).unwrap();
    let paths = [folder.path().to_owned()];
    let rows = VectorReader::open(&paths, &VectorReadOptions::default()).unwrap();
    let rows: Vec<_> = rows.collect();
    assert_eq!((rows.len(), rows.iter().filter(|row| row.is_ok()).count()), (3, 2));
    let error = message(rows[2].as_ref().unwrap_err());
    assert!(error.contains("part-00001.jsonl has the checksum"), "{error}");
}

#[test]
fn a_damaged_folder_is_noticed() {
    let damaged = |damage: &dyn Fn(&Path)| {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = PartsWriter::create(folder.path(), options()).unwrap();
        write_to(&mut writer, 5);
        writer.finish().unwrap();
        damage(folder.path());
        let resumed = PartsWriter::resume(folder.path(), options());
        let verified = Manifest::load(folder.path()).and_then(|m| m.verify(folder.path()));
        (resumed.err().map(|e| message(&e)), verified.err().map(|e| message(&e)))
    };
    let (resumed, verified) =
        damaged(&|folder| fs::remove_file(folder.join("part-00001.jsonl")).unwrap());
    assert!(resumed.unwrap().contains("part-00001.jsonl is listed in the manifest, but not there"));
    assert!(verified.is_some());
    let (resumed, _) = damaged(&|folder| fs::write(folder.join("part-00001.jsonl"), "x").unwrap());
    assert!(resumed.unwrap().contains("has 1 bytes, but the manifest says"));
    let (resumed, verified) = damaged(&|folder| {
        let path = folder.join("part-00001.jsonl");
        let content = fs::read_to_string(&path).unwrap().replace("3.0", "4.0");
        fs::write(path, content).unwrap();
    });
    for error in [resumed, verified] {
        assert!(error.unwrap().contains("part-00001.jsonl has the checksum"));
    }
    let (resumed, _) = damaged(&|folder| fs::write(folder.join("manifest.json"), "{}").unwrap());
    assert!(resumed.unwrap().contains("manifest.json is not a manifest"));
    let (resumed, _) = damaged(&|folder| {
        let path = folder.join("manifest.json");
        let content = fs::read_to_string(&path).unwrap().replace("\"rows\": 5", "\"rows\": 6");
        fs::write(path, content).unwrap();
    });
    assert!(resumed.unwrap().contains("not the sums"));
}

#[test]
fn parts_that_are_not_complete_are_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = PartsWriter::create(folder.path(), options()).unwrap();
    write_to(&mut writer, 5);
    drop(writer);
    let paths = [folder.path().to_owned()];
    let error = VectorReader::open(&paths, &VectorReadOptions::default()).err();
    assert!(matches!(error, Some(CorpusError::Parts(PartsError::Incomplete { rows: 4, .. }))));
}
