//! JSON lines and plain text.

use splade_corpus::{CorpusReader, ReadOptions};

use crate::fixtures::{folder, gzip, pairs, zstd};

fn plain() -> ReadOptions {
    ReadOptions::default()
}

fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(id, text)| ((*id).to_owned(), (*text).to_owned())).collect()
}

#[test]
fn a_plain_file_is_a_text_a_line_named_by_its_number() {
    let content = "\u{feff}sunny\r\n\nweather".as_bytes();
    let expected = owned(&[("1", "sunny"), ("2", ""), ("3", "weather")]);
    assert_eq!(pairs("in.txt", content, plain()).unwrap(), expected);
    assert_eq!(pairs("in", content, plain()).unwrap(), expected);
    assert_eq!(pairs("in.txt", b"", plain()).unwrap(), []);
}

#[test]
fn json_lines_may_have_a_byte_order_mark_and_end_in_blank_lines() {
    let content = "\u{feff}{\"_id\": \"a\", \"text\": \"x\"}\r\n{\"text\": \"y\"}\n \n\r\n";
    let expected = owned(&[("a", "x"), ("2", "y")]);
    for name in ["in.jsonl", "in.NDJSON", "in.json"] {
        assert_eq!(pairs(name, content.as_bytes(), plain()).unwrap(), expected);
    }
}

#[test]
fn a_broken_line_is_named() {
    for (content, expected) in [
        (
            &b"{\"id\": \"a\", \"text\": \"x\"}\n{\"id\": \"b\"}\n"[..],
            "line 2: the record has no `text`",
        ),
        (b"{\"id\": \"a\", \"text\": \"x\"}\n{\"id\": \"b\", \"te", "line 2: not a record"),
        (b"{\"text\": \"x\"}\n\n{\"text\": \"y\"}\n", "line 2: an empty line"),
        (b"{\"text\": \"\xff\"}\n", "line 1: not UTF-8 at byte 11"),
        (b"{\"text\": 5}\n", "line 1: not a record"),
        (b"\"text\"\n", "line 1: not a record"),
        (b"{\"text\": \"x\"}\n[{\"text\": \"x\"}]\n", "line 2: not a record"),
    ] {
        let error = pairs("in.jsonl", content, plain()).unwrap_err();
        assert!(error.contains("in.jsonl") && error.contains(expected), "{error}");
    }
    let error = pairs("in.txt", b"a\n\xffb\n", plain()).unwrap_err();
    assert!(error.contains("in.txt, line 2: not UTF-8 at byte 1 of the line"), "{error}");
}

#[test]
fn after_an_error_there_is_no_further_record() {
    let folder = folder(&[("in.jsonl", b"{\"text\": \"x\"}\n{}\n{\"text\": \"z\"}\n")]);
    let mut reader = CorpusReader::open(&[folder.path().join("in.jsonl")], plain()).unwrap();
    assert!(reader.next().unwrap().is_ok());
    assert!(reader.next().unwrap().is_err());
    assert!(reader.next().is_none());
}

#[test]
fn plain_text_has_no_columns_to_choose() {
    let error = pairs("in.txt", b"a\n", plain().with_text(["title", "text"])).unwrap_err();
    assert!(error.contains("in.txt has no column `title`; it has none"), "{error}");
}

#[test]
fn compressed_files_of_several_members_are_read_to_the_end() {
    let expected = owned(&[("1", "sunny"), ("2", "weather")]);
    let both = |compress: fn(&[u8]) -> Vec<u8>| {
        [compress(b"sunny\nwea"), compress(b""), compress(b"ther\n")].concat()
    };
    assert_eq!(pairs("in.txt.gz", &both(gzip), plain()).unwrap(), expected);
    assert_eq!(pairs("in.txt.zst", &both(zstd), plain()).unwrap(), expected);
    let bom = gzip("\u{feff}sunny\nweather".as_bytes());
    assert_eq!(pairs("in.gz", &bom, plain()).unwrap(), expected);
}

#[test]
fn a_name_that_says_a_compression_which_is_not_there_is_refused() {
    for (name, content, expected) in [
        ("in.txt.gz", b"a\n".to_vec(), "the content is not compressed, but the name says gzip"),
        ("in.TXT.ZST", b"a\n".to_vec(), "but the name says Zstandard"),
        ("in.txt.gz", Vec::new(), "the content is not compressed"),
    ] {
        let error = pairs(name, &content, plain()).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_compressed_file_that_is_cut_off_is_an_error() {
    let text: Vec<u8> = (0..5000).flat_map(|i| format!("text {i}\n").into_bytes()).collect();
    for (name, mut content) in [("in.txt.gz", gzip(&text)), ("in.txt.zst", zstd(&text))] {
        content.truncate(content.len() - 5);
        let error = pairs(name, &content, plain()).unwrap_err();
        assert!(error.contains("cannot read") && error.contains(name), "{error}");
    }
}

#[test]
fn chunks_end_at_so_many_texts_or_bytes() {
    let folder = folder(&[("in.txt", b"aaaa\nbb\nc\nd\ne\n")]);
    let mut reader = CorpusReader::open(&[folder.path().join("in.txt")], plain()).unwrap();
    let mut sizes = Vec::new();
    loop {
        let chunk = reader.next_chunk(3, 5).unwrap();
        if chunk.is_empty() {
            break;
        }
        sizes.push(chunk.len());
    }
    assert_eq!(sizes, [2, 3]);
    assert_eq!(reader.n_bytes(), Some(14));
    assert_eq!(reader.progress().n_bytes_read(), 14);
}
