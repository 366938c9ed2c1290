//! Files of another place, for which a folder on the disk stands here.

use std::any::Any;
use std::fs;
use std::io;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use splade_corpus::{
    CorpusError, CorpusReader, FileCopy, InputChange, InputError, LocalFolder, Plan, PlanOptions,
    PlannedFolder, ReadOptions, Record, RemoteFile, RemoteFiles, UnitError, UnitReader,
    VectorFormat,
};

const ROOT: &str = "s3://bucket/";

/// The folder at `disk` under the name `s3://bucket`.
#[derive(Debug)]
struct Elsewhere {
    disk: PathBuf,
    version: &'static str,
    n_copies: AtomicUsize,
}

impl Elsewhere {
    fn at(&self, path: &Path) -> PathBuf {
        self.disk.join(path.to_str().unwrap().strip_prefix(ROOT).unwrap())
    }
}

impl RemoteFiles for Elsewhere {
    fn is_remote(&self, path: &Path) -> bool {
        path.to_str().unwrap().starts_with(ROOT)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<RemoteFile>> {
        let disk = self.at(path);
        let file = |name: &str, is_in_folder| -> io::Result<RemoteFile> {
            let (path, disk) = match is_in_folder {
                true => (path.join(name), disk.join(name)),
                false => (path.to_owned(), disk.clone()),
            };
            let n_bytes = fs::metadata(disk)?.len();
            Ok(RemoteFile { path, name: name.to_owned(), n_bytes, is_in_folder })
        };
        if disk.is_file() {
            return Ok(vec![file(path.file_name().unwrap().to_str().unwrap(), false)?]);
        }
        let names = ["_SUCCESS", "a.jsonl", "b/c.jsonl.gz", "b.csv", "d.txt"];
        names
            .into_iter()
            .filter(|name| disk.join(name).exists())
            .map(|name| file(name, true))
            .collect()
    }

    fn copy(&self, path: &Path) -> io::Result<FileCopy> {
        self.n_copies.fetch_add(1, Ordering::Relaxed);
        let folder = tempfile::tempdir()?;
        let disk = folder.path().join("copy");
        let n_bytes = fs::copy(self.at(path), &disk)?;
        let hold: Arc<dyn Any + Send + Sync> = Arc::new(folder);
        Ok(FileCopy { disk, n_bytes, version: self.version.to_owned(), hold })
    }
}

/// Files of several formats, and the same under another name.
fn corpus() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("in");
    fs::create_dir_all(input.join("b")).unwrap();
    fs::write(input.join("_SUCCESS"), "").unwrap();
    let line = |i: usize| format!("{{\"id\": \"t{i}\", \"text\": \"{}\"}}\n", "x".repeat(i));
    let lines: String = (0..7).map(line).collect();
    fs::write(input.join("a.jsonl"), &lines).unwrap();
    let mut packed = splade_corpus::OutputFile::create(&input.join("b/c.jsonl.gz")).unwrap();
    io::Write::write_all(&mut packed, lines.replace('t', "u").replace("uexu", "text").as_bytes())
        .unwrap();
    packed.finish().unwrap();
    fs::write(input.join("b.csv"), "id,text\nv0,\"one, two\"\nv1,three\nv2,four\n").unwrap();
    fs::write(input.join("d.txt"), "five\nsix\n").unwrap();
    (folder, input)
}

fn elsewhere(folder: &Path, version: &'static str) -> Arc<Elsewhere> {
    Arc::new(Elsewhere { disk: folder.to_owned(), version, n_copies: AtomicUsize::new(0) })
}

fn essence(records: impl Iterator<Item = Result<Record, CorpusError>>) -> Vec<(String, String)> {
    records.map(|record| record.map(|record| (record.id, record.text)).unwrap()).collect()
}

#[test]
fn files_of_another_place_read_as_those_on_the_disk() {
    let (folder, input) = corpus();
    let place = elsewhere(folder.path(), "1");
    let remote = ["s3://bucket/in".into()];
    let open = |remote: Option<Arc<dyn RemoteFiles>>, paths: &[PathBuf]| {
        CorpusReader::open_with(paths, ReadOptions::default(), remote).unwrap()
    };
    let there = open(Some(Arc::clone(&place) as _), &remote);
    let here = open(None, &[input]);
    let names = |reader: &CorpusReader| -> Vec<String> {
        reader.files().iter().map(|file| file.name.clone()).collect()
    };
    assert_eq!(names(&there), names(&here));
    assert_eq!(there.n_bytes(), here.n_bytes());
    assert_eq!(essence(there), essence(here));
    assert_eq!(place.n_copies.load(Ordering::Relaxed), 4);
}

#[test]
fn an_error_in_a_copy_names_the_original() {
    let (folder, input) = corpus();
    fs::write(input.join("d.txt"), [0xff, b'\n']).unwrap();
    let place = elsewhere(folder.path(), "1");
    let paths = ["s3://bucket/in/d.txt".into()];
    let mut reader = CorpusReader::open_with(&paths, ReadOptions::default(), Some(place)).unwrap();
    let error = reader.next_record().unwrap_err().to_string();
    assert!(error.starts_with("s3://bucket/in/d.txt, line 1"), "{error}");
}

#[test]
fn units_of_copies_have_the_records_of_the_plan_and_refuse_another_version() {
    let (folder, input) = corpus();
    let place = elsewhere(folder.path(), "1");
    let options =
        PlanOptions::new(VectorFormat::JsonLines).with_rows_per_part(NonZeroU64::new(5).unwrap());
    let output = folder.path().join("out");
    let open = |paths: &[PathBuf]| {
        let remote = Some(Arc::clone(&place) as Arc<dyn RemoteFiles>);
        CorpusReader::open_with(paths, ReadOptions::default(), remote).unwrap()
    };
    let plan = Plan::create(&output, open(&["s3://bucket/in".into()]), &options).unwrap();
    let units = plan.units(&output).unwrap();
    assert_eq!(units[0].input[0].path, Path::new("s3://bucket/in/a.jsonl"));
    assert_eq!(units[0].input[0].version.as_deref(), Some("1"));
    let read = |place: &Arc<Elsewhere>| -> Result<Vec<Record>, CorpusError> {
        let mut records = Vec::new();
        for unit in &units {
            for record in UnitReader::open_with(&plan, unit, Some(Arc::clone(place) as _))? {
                records.push(record?);
            }
        }
        Ok(records)
    };
    let records = read(&place).unwrap();
    assert_eq!(essence(records.into_iter().map(Ok)), essence(open(std::slice::from_ref(&input))));

    let changed = |place: &Arc<Elsewhere>| match read(place).unwrap_err() {
        CorpusError::Unit(UnitError::InputChanged { path, change, .. }) => {
            assert_eq!(path, Path::new("s3://bucket/in/a.jsonl"));
            change
        }
        other => panic!("{other}"),
    };
    let replaced = elsewhere(folder.path(), "2");
    assert!(matches!(changed(&replaced), InputChange::Version { .. }));
    fs::write(input.join("a.jsonl"), "{}\n").unwrap();
    assert!(matches!(changed(&place), InputChange::Size { .. }));
}

#[test]
fn who_reads_and_plans_on_the_disk_alone_refuses_objects_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.txt");
    fs::write(&path, "one\n").unwrap();
    let open = |path: &Path| CorpusReader::open(&[path.to_owned()], ReadOptions::default());
    let error = open(Path::new("gs://bucket/a.txt")).err().unwrap();
    assert!(matches!(error, CorpusError::Input(InputError::ObjectStore { .. })), "{error}");

    let options = PlanOptions::new(VectorFormat::JsonLines);
    let place = LocalFolder::new("az://container/out");
    let errors = [
        Plan::create(place.path(), open(&path).unwrap(), &options).unwrap_err(),
        Plan::load(place.path()).unwrap_err(),
        splade_corpus::finish_plan(place.path(), splade_corpus::FinishOptions::default())
            .unwrap_err(),
    ];
    for error in errors {
        let CorpusError::Read { path, source, .. } = error else { panic!("{error}") };
        assert!(path.starts_with("az:"), "{}", path.display());
        assert!(source.to_string().contains("feature `object-store`"), "{source}");
    }
}
