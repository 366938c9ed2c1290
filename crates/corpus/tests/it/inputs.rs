//! Several files and folders as one stream.

use std::path::PathBuf;

use splade_corpus::{CorpusError, CorpusReader, InputError, PartsError, ReadOptions, TextFormat};

use crate::fixtures::{folder, gzip, id_and_text, message, read};

fn ids(paths: &[PathBuf]) -> Vec<String> {
    let records = read(paths, ReadOptions::default()).unwrap();
    records.into_iter().map(|record| record.id).collect()
}

#[test]
fn a_folder_is_all_its_files_by_name_without_hidden_ones() {
    let folder = folder(&[
        ("b.jsonl", b"{\"text\": \"1\"}\n{\"id\": \"own\", \"text\": \"2\"}\n"),
        ("a/z.txt", b"3\n"),
        ("a/y.tsv", b"id\ttext\nq\t4\n"),
        ("c.txt.gz", &gzip(b"5\n")),
        (".hidden", b"x"),
        ("_SUCCESS", b""),
        (".git/x.txt", b"x"),
    ]);
    let records = read(&[folder.path().to_owned()], ReadOptions::default()).unwrap();
    let found: Vec<_> = id_and_text(records);
    let found: Vec<_> = found.iter().map(|(id, text)| (&**id, &**text)).collect();
    assert_eq!(
        found,
        [("q", "4"), ("a/z.txt:1", "3"), ("b.jsonl:1", "1"), ("own", "2"), ("c.txt.gz:1", "5")]
    );
}

#[test]
fn files_are_read_in_the_order_given_and_numbers_do_not_collide() {
    let folder = folder(&[("x/a.txt", b"1\n2\n"), ("x/b.txt", b"3\n"), ("y/a.txt", b"4\n")]);
    let path = |name: &str| folder.path().join(name);
    assert_eq!(ids(&[path("x/b.txt"), path("x/a.txt")]), ["b.txt:1", "a.txt:1", "a.txt:2"]);
    assert_eq!(ids(&[path("x/a.txt")]), ["1", "2"]);
    // Two equal names: the paths tell them apart.
    let paths = [path("x/a.txt"), path("y/a.txt")];
    let expected = [(0, 1), (0, 2), (1, 1)].map(|(i, n)| format!("{}:{n}", paths[i].display()));
    assert_eq!(ids(&paths), expected);
}

#[test]
fn what_cannot_be_the_input_is_refused() {
    let folder =
        folder(&[("x/a.txt", b"1\n"), ("y/.keep", b""), ("z/b.pdf", b"x"), ("z/a.txt", b"1")]);
    let path = |name: &str| folder.path().join(name);
    let open = |paths: &[PathBuf]| CorpusReader::open(paths, ReadOptions::default()).err();
    assert!(matches!(open(&[]), Some(CorpusError::Input(InputError::NoFiles))));
    assert!(matches!(open(&[path("y")]), Some(CorpusError::Input(InputError::EmptyFolder { .. }))));
    let twice = open(&[path("x"), path("x/../x/a.txt")]);
    assert!(matches!(twice, Some(CorpusError::Input(InputError::SameFileTwice { .. }))));
    let missing = message(&open(&[path("x/a.txt"), path("no.txt")]).unwrap());
    assert!(missing.contains("cannot read") && missing.contains("no.txt"), "{missing}");
    let foreign = message(&open(&[path("z")]).unwrap());
    assert!(foreign.contains("b.pdf") && foreign.contains(".jsonl"), "{foreign}");
    let named = ReadOptions::default().with_format(TextFormat::Lines);
    assert_eq!(read(&[path("z")], named).unwrap().len(), 2);
}

#[test]
#[cfg(unix)]
fn links_that_lead_round_and_round_are_refused() {
    let folder = folder(&[("x/a.txt", b"1\n")]);
    std::os::unix::fs::symlink(folder.path(), folder.path().join("x/up")).unwrap();
    let error = CorpusReader::open(&[folder.path().to_owned()], ReadOptions::default()).err();
    assert!(matches!(error, Some(CorpusError::Input(InputError::SameFileTwice { .. }))));
}

#[test]
fn records_are_jumped_over_across_files() {
    let folder = folder(&[
        ("a.txt", b"1\n2\n3\n"),
        ("b.jsonl", b"{\"text\": \"4\"}\n{\"id\": \"x\", \"text\": \"5\"}\n\n"),
        ("c.csv", b"text\n\"6\n6\"\n7\n"),
    ]);
    let paths = [folder.path().to_owned()];
    let all = id_and_text(read(&paths, ReadOptions::default()).unwrap());
    assert_eq!(all.len(), 7);
    for n in 0..=7 {
        let mut reader = CorpusReader::open(&paths, ReadOptions::default()).unwrap();
        reader.skip_records(n).unwrap();
        assert_eq!(reader.n_records(), n);
        let rest: Result<Vec<_>, _> = reader.collect();
        assert_eq!(id_and_text(rest.unwrap()), all[n as usize..]);
    }
    let mut reader = CorpusReader::open(&paths, ReadOptions::default()).unwrap();
    let error = reader.skip_records(8).unwrap_err();
    assert!(matches!(
        error,
        CorpusError::Parts(PartsError::FewerRecords { found: 7, expected: 8, .. })
    ));
}
