//! Formats by content where the name says none, and unsupported formats, each refused by name.

use proptest::prelude::*;
use splade_corpus::{
    CorpusReader, Header, OutputFile, Quoting, ReadOptions, TextFormat, open_text,
};

use crate::fixtures::{folder, gzip, pairs, reference, zstd};

const JSON: &str = "{\"id\": \"a\", \"text\": \"x\"}\n{\"id\": \"b\", \"text\": \"y\"}\n";

/// Names that say no format.
const SILENT: [&str; 6] = ["corpus", "x.dat", "x.json.bak", "part-00000", "x.gz", "x.zst"];

fn plain() -> ReadOptions {
    ReadOptions::default()
}

fn as_format(format: TextFormat) -> ReadOptions {
    ReadOptions::default().with_format(format)
}

fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(id, text)| ((*id).to_owned(), (*text).to_owned())).collect()
}

/// The content, compressed if the name says so.
fn named(name: &str, content: &[u8]) -> Vec<u8> {
    match name.rsplit('.').next() {
        Some("gz") => gzip(content),
        Some("zst") => zstd(content),
        _ => content.to_vec(),
    }
}

#[test]
fn an_object_a_line_is_json_lines_whatever_the_file_is_called() {
    let expected = owned(&[("a", "x"), ("b", "y")]);
    let contents = [
        JSON.to_owned(),
        format!("\n \r\n{JSON}\n"),
        format!("\u{feff}{JSON}"),
        format!("\u{feff}\n{JSON}"),
        JSON.replace('\n', "\r\n"),
        JSON.replace('\n', "\r"),
        JSON.trim_end().to_owned(),
    ];
    for name in SILENT.into_iter().chain(["x.jl", "x.jsonlines", "X.JSONL", "x.json.GZ"]) {
        for content in &contents {
            let content = named(&name.to_lowercase(), content.as_bytes());
            assert_eq!(pairs(name, &content, plain()).unwrap(), expected, "{name}");
        }
    }
}

#[test]
fn text_that_only_starts_like_json_stays_text() {
    for text in ["{name} is here", "{{template}}", "[1] A reference", "[sic]", "[[Link]]", "\"x\""]
    {
        for name in SILENT.into_iter().chain(["x.txt"]) {
            let found = pairs(name, &named(name, text.as_bytes()), plain()).unwrap();
            assert_eq!(found, owned(&[("1", text)]), "{name}");
        }
    }
}

#[test]
fn json_that_is_not_lines_is_refused_with_the_way_out() {
    let array = "[{\"id\": \"a\", \"text\": \"x\"}]";
    let array_of_lines =
        "\n[\n{\"id\": \"a\", \"text\": \"x\"},\n{\"id\": \"b\", \"text\": \"y\"}\n]\n";
    let spread = "{\n  \"id\": \"a\",\n  \"text\": \"x\"\n}\n";
    let texts = "[\"x\", \"y\"]\n";
    let names = SILENT.into_iter().chain(["x.json", "x.jsonl", "x.jsonl.gz"]);
    for name in names {
        let error = |json: &str| pairs(name, &named(name, json.as_bytes()), plain()).unwrap_err();
        for json in [array, array_of_lines] {
            let error = error(json);
            assert!(error.contains(name) && error.contains("`jq -c '.[]'`"), "{error}");
        }
        assert!(error(spread).contains("over several lines: `jq -c .`"), "{}", error(spread));
        assert!(error(texts).contains("`jq -c '.[] | {text: .}'`"), "{}", error(texts));
        assert!(error(texts).contains("--input-format lines"), "{}", error(texts));
    }
}

#[test]
fn a_name_of_plain_text_on_json_asks_which_is_meant() {
    for (name, content) in [
        ("in.txt", JSON.as_bytes().to_vec()),
        ("in.TXT.gz", gzip(JSON.as_bytes())),
        ("in.txt", b"[{\"text\": \"x\"}]".to_vec()),
        ("in.txt", b"{\n\"text\": \"x\"\n}".to_vec()),
    ] {
        let error = pairs(name, &content, plain()).unwrap_err();
        assert!(error.contains(name) && error.contains("--input-format lines"), "{error}");
    }
    let lines = pairs("in.txt", JSON.as_bytes(), as_format(TextFormat::Lines)).unwrap();
    assert_eq!(lines[1], ("2".to_owned(), JSON.lines().nth(1).unwrap().to_owned()));
    let records = pairs("in.txt", JSON.as_bytes(), as_format(TextFormat::JsonLines)).unwrap();
    assert_eq!(records, owned(&[("a", "x"), ("b", "y")]));
    // A first record larger than the usual window, whole or cut off at the window's end.
    for n in [70_000, 2_000_000] {
        let json = JSON.replace("\"x\"", &format!("\"{}\"", "x".repeat(n)));
        let error = pairs("in.txt", json.as_bytes(), plain()).unwrap_err();
        assert!(error.contains("--input-format lines"), "{n}");
    }
    let long = "x".repeat(70_000);
    assert_eq!(pairs("in.txt", long.as_bytes(), plain()).unwrap(), owned(&[("1", &long)]));
    // One line that is an object does not make a file of them.
    assert_eq!(pairs("in.txt", b"sunny\n{\"text\": \"x\"}\n", plain()).unwrap().len(), 2);
    assert_eq!(pairs("in.txt", b"{\"text\": \"x\"}\nsunny\n", plain()).unwrap().len(), 2);
}

#[test]
fn the_format_of_the_options_wins_over_name_and_content() {
    for name in ["corpus", "in.csv", "in.txt", "in.jsonl"] {
        let found = pairs(name, JSON.as_bytes(), as_format(TextFormat::Lines)).unwrap();
        assert_eq!(found.len(), 2);
        let found = pairs(name, b"id\ttext\na\tx\n", as_format(TextFormat::Tsv)).unwrap();
        assert_eq!(found, owned(&[("a", "x")]));
    }
}

#[test]
fn a_table_whose_name_says_nothing_asks_which_is_meant() {
    for (content, format) in [("id\ttext\na\tx\n", "tsv"), ("\"id\",\"text\"\r\na,x\r\n", "csv")] {
        for name in SILENT {
            let error = pairs(name, &named(name, content.as_bytes()), plain()).unwrap_err();
            assert!(error.contains(&format!("--input-format {format}")), "{error}");
        }
    }
    for text in ["the text, and more", "a\tb", "text", "text, text", "a,b"] {
        assert_eq!(pairs("corpus", text.as_bytes(), plain()).unwrap(), owned(&[("1", text)]));
    }
}

#[test]
fn compression_is_known_by_the_first_bytes_under_any_name() {
    let expected = owned(&[("1", "sunny"), ("2", "weather")]);
    for content in [gzip(b"sunny\nweather\n"), zstd(b"sunny\nweather\n")] {
        for name in ["in", "in.txt", "in.gz", "in.txt.zst", "in.TXT.GZIP", "in.zstd"] {
            assert_eq!(pairs(name, &content, plain()).unwrap(), expected, "{name}");
        }
    }
    let twice = pairs("in.txt.gz", &gzip(&zstd(b"sunny\n")), plain()).unwrap_err();
    assert!(twice.contains("compressed twice"), "{twice}");
}

#[test]
fn zeros_after_a_gzip_member_are_padding() {
    let expected = owned(&[("1", "sunny"), ("2", "weather")]);
    let zeros = vec![0; 100_000];
    let padded = [&gzip(b"sunny\n")[..], &zeros, &gzip(b"weather\n"), &zeros].concat();
    assert_eq!(pairs("in.txt.gz", &padded, plain()).unwrap(), expected);
    let followed = [&gzip(b"sunny\n")[..], b"\0\0weather\n"].concat();
    let error = pairs("in.txt.gz", &followed, plain()).unwrap_err();
    assert!(error.contains("in.txt.gz") && error.contains("something other than gzip"), "{error}");
}

#[test]
fn zstandard_may_have_skippable_frames_anywhere() {
    // pzstd writes one before each frame, with the frame's size in it.
    let skippable = |mark: u8| [&[mark, 0x2a, 0x4d, 0x18, 4, 0, 0, 0][..], b"\x10\0\0\0"].concat();
    let content = [
        skippable(0x50),
        zstd(b"{\"text\": \"sun"),
        skippable(0x5f),
        zstd(b"ny\"}\n"),
        skippable(0x53),
    ];
    for name in ["in.jsonl.zst", "in"] {
        let found = pairs(name, &content.concat(), plain()).unwrap();
        assert_eq!(found, owned(&[("1", "sunny")]));
    }
}

#[test]
fn a_long_window_of_zstandard_names_the_command_that_reads_it() {
    // A frame with a window of 2^28 bytes, and the block "a\n".
    let frame = b"\x28\xb5\x2f\xfd\x00\x90\x11\x00\x00a\n";
    let error = pairs("in.txt.zst", frame, plain()).unwrap_err();
    assert!(error.contains("in.txt.zst") && error.contains("zstd -d --long=31"), "{error}");
    // 2^27 is the maximum.
    let frame = b"\x28\xb5\x2f\xfd\x00\x88\x11\x00\x00a\n";
    assert_eq!(pairs("in.txt.zst", frame, plain()).unwrap(), owned(&[("1", "a")]));
}

#[test]
fn files_of_other_kinds_are_refused_by_what_they_are() {
    let little: Vec<u8> = JSON.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> = JSON.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let mut tar = vec![b'x'; 600];
    tar[257..262].copy_from_slice(b"ustar");
    for (content, expected) in [
        (b"BZh91AY&SY\xb0\x12".to_vec(), "bzip2: decompress it first (`bzip2 -dc`)"),
        (b"\xfd7zXZ\0\0\x04\xe6".to_vec(), "compressed by xz: decompress it first (`xz -dc`)"),
        (b"PK\x03\x04\x14\0".to_vec(), "a ZIP archive: unpack it"),
        (b"7z\xbc\xaf\x27\x1c\0\x04".to_vec(), "a 7z archive: unpack it"),
        (tar, "a tar archive: unpack it"),
        (little.clone(), "UTF-16 (little-endian): convert it first (`iconv"),
        (big, "UTF-16 (big-endian)"),
        ([b"\xff\xfe".to_vec(), little].concat(), "UTF-16: convert"),
        (b"version https://git-lfs.github.com/spec/v1\noid".to_vec(), "`git lfs pull`"),
    ] {
        for name in ["in.jsonl", "in.csv", "in.txt", "corpus", "in.parquet", "in.jsonl.gz"] {
            for compressed in [content.clone(), gzip(&content)] {
                let error = pairs(name, &compressed, plain()).unwrap_err();
                assert!(error.contains(name) && error.contains(expected), "{name}: {error}");
            }
        }
    }
}

#[test]
fn half_a_surrogate_pair_is_named_as_what_it_is() {
    for (json, field) in [
        (r#"{"text": "a\ud83d"}"#, "text"),
        (r#"{"x": "\ud801", "text": "\ud83d x"}"#, "text"),
        (r#"{"text": "\ude00"}"#, "text"),
        (r#"{"id": "\ud83d\u0041", "text": ""}"#, "id"),
    ] {
        let content = format!("{{\"text\": \"\\ud83d\\ude00\"}}\n{json}\n");
        let error = pairs("in.jsonl", content.as_bytes(), plain()).unwrap_err();
        let expected = format!("line 2: the text of `{field}` has a lone surrogate");
        assert!(error.contains(&expected), "{error}");
    }
    // It does no harm in a field that is not read.
    let found = pairs("in.jsonl", br#"{"text": "x", "y": "\ud83d"}"#, plain()).unwrap();
    assert_eq!(found, owned(&[("1", "x")]));
}

#[test]
fn lines_may_end_in_returns_alone() {
    let expected = owned(&[("a", "x"), ("b", "y")]);
    for (name, content) in [
        ("in.jsonl", "{\"id\": \"a\", \"text\": \"x\"}\r{\"id\": \"b\", \"text\": \"y\"}\r"),
        ("in.csv", "id,text\ra,\"x\"\rb,y"),
        ("in.tsv", "id\ttext\ra\tx\rb\ty\r"),
    ] {
        assert_eq!(pairs(name, content.as_bytes(), plain()).unwrap(), expected, "{name}");
        assert_eq!(pairs(name, &gzip(content.as_bytes()), plain()).unwrap(), expected, "{name}");
    }
    let expected = owned(&[("1", "sunny"), ("2", ""), ("3", "weather")]);
    assert_eq!(pairs("in.txt", b"sunny\r\rweather\r", plain()).unwrap(), expected);
    // Beside a line feed, it is an ordinary character.
    let expected = owned(&[("1", "sunny\rweather"), ("2", "today")]);
    assert_eq!(pairs("in.txt", b"sunny\rweather\ntoday\r\n", plain()).unwrap(), expected);
}

#[test]
#[cfg(feature = "parquet")]
fn parquet_is_known_by_its_first_bytes() {
    let content = std::fs::read(reference("string.parquet")).unwrap();
    let expected = pairs("in.parquet", &content, plain()).unwrap();
    assert!(!expected.is_empty());
    for name in ["corpus", "IN.PARQUET", "in.parq", "in"] {
        assert_eq!(pairs(name, &content, plain()).unwrap(), expected, "{name}");
    }
    let error = pairs("in.jsonl", &content, plain()).unwrap_err();
    assert!(error.contains("in.jsonl: the content is Parquet, but text is expected"), "{error}");
    let error = pairs("in.parquet", b"{\"text\": \"x\"}\n", plain()).unwrap_err();
    assert!(error.contains("the content is text, but Parquet is expected"), "{error}");
    for name in ["in.parquet.gz", "corpus"] {
        let error = pairs(name, &gzip(&content), plain()).unwrap_err();
        assert!(error.contains("Parquet needs an ordinary file"), "{error}");
    }
}

/// The records read from a named pipe.
#[cfg(unix)]
fn through_a_pipe(content: &[u8]) -> Result<Vec<(String, String)>, String> {
    let folder = folder(&[]);
    let path = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
    assert!(made.success());
    let (to, content) = (path.clone(), content.to_vec());
    // A reader that stops early may close the pipe.
    let writer = std::thread::spawn(move || std::fs::write(to, content).is_ok());
    let read = crate::fixtures::read(&[path], plain()).map(crate::fixtures::id_and_text);
    writer.join().unwrap();
    read.map_err(|error| crate::fixtures::message(&error))
}

#[test]
#[cfg(unix)]
fn a_pipe_is_read_once_and_known_by_its_content() {
    let expected = owned(&[("a", "x"), ("b", "y")]);
    assert_eq!(through_a_pipe(JSON.as_bytes()).unwrap(), expected);
    assert_eq!(through_a_pipe(&gzip(JSON.as_bytes())).unwrap(), expected);
    assert_eq!(through_a_pipe(b"sunny\n").unwrap(), owned(&[("1", "sunny")]));
    assert!(through_a_pipe(b"[{\"text\": \"x\"}]").unwrap_err().contains("jq"));
    let error = through_a_pipe(&std::fs::read(reference("string.parquet")).unwrap()).unwrap_err();
    assert!(error.contains("Parquet needs an ordinary file, not a stream"), "{error}");
}

#[test]
fn judgements_and_runs_are_opened_like_texts() {
    let folder = folder(&[("a", &gzip(b"\xef\xbb\xbfq 0 d 1\rq 0 e 0\r")), ("b", b"BZh91AY&SY")]);
    let mut text = String::new();
    let mut opened = open_text(&folder.path().join("a")).unwrap();
    std::io::Read::read_to_string(&mut opened, &mut text).unwrap();
    assert_eq!(text, "q 0 d 1\nq 0 e 0\n");
    let error = open_text(&folder.path().join("b")).err().unwrap().to_string();
    assert!(error.contains("bzip2"), "{error}");
}

#[test]
fn no_output_is_named_after_a_compression_that_it_has_not() {
    let folder = folder(&[]);
    for name in ["out.jsonl.bz2", "out.XZ", "out.tar.gz", "out.zip"] {
        let error = OutputFile::create(&folder.path().join(name)).err().unwrap().to_string();
        assert!(error.contains(name) && error.contains("end the name in .gz or .zst"), "{error}");
    }
    assert!(crate::fixtures::names(folder.path()).is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn records_do_not_depend_on_the_name_or_the_compression(
        texts in prop::collection::vec("[ -~\u{e9}\u{5929}]{0,12}", 1..8)
    ) {
        let line = |(i, text): (usize, &String)| {
            serde_json::json!({ "id": i.to_string(), "text": text }).to_string() + "\n"
        };
        let json: String = texts.iter().enumerate().map(line).collect();
        let expected: Vec<_> =
            texts.iter().enumerate().map(|(i, text)| (i.to_string(), text.clone())).collect();
        for content in [json.clone().into_bytes(), gzip(json.as_bytes()), zstd(json.as_bytes())] {
            for name in ["in.jsonl", "corpus"] {
                prop_assert_eq!(&pairs(name, &content, plain()).unwrap(), &expected);
            }
        }
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        for name in ["corpus", "in.txt", "in.jsonl", "in.csv", "in.parquet"] {
            let _ = pairs(name, &bytes, plain());
        }
    }
}

#[test]
fn a_record_is_read_where_it_stands_in_the_file() {
    let folder = folder(&[("corpus", b"\n\n{\"text\": \"x\"}\n{\"text\": 1}\n")]);
    let reader = CorpusReader::open(&[folder.path().join("corpus")], plain()).unwrap();
    let found: Vec<_> = reader.collect();
    assert_eq!(found[0].as_ref().unwrap().location.number(), 3);
    let error = found[1].as_ref().unwrap_err().to_string();
    assert!(error.contains("corpus, line 4"), "{error}");
}

#[test]
fn options_of_tables_need_a_table() {
    let text = b"a\tfoo bar\nb\tbaz\n";
    let headless = plain().with_header(Header::Absent);
    for options in [headless.clone(), plain().with_quoting(Quoting::Double)] {
        let error = pairs("corpus", text, options.clone()).unwrap_err();
        assert!(error.contains("--input-format tsv"), "{error}");
        // Unless the name says what it is.
        assert_eq!(pairs("in.txt", text, options).unwrap().len(), 2);
    }
    let table = headless.with_format(TextFormat::Tsv).with_text(["2"]);
    assert_eq!(pairs("corpus", text, table).unwrap().len(), 2);
}

#[cfg(unix)]
#[test]
fn names_that_are_not_utf8_name_their_records_apart() {
    use std::os::unix::ffi::OsStrExt;

    let folder = folder(&[]);
    let file = |name: &[u8]| folder.path().join(std::ffi::OsStr::from_bytes(name));
    let paths = [file(b"\xff.txt"), file(b"\xfe.txt")];
    for path in &paths {
        std::fs::write(path, "x\n").unwrap();
    }
    let reader = CorpusReader::open(&paths, plain()).unwrap();
    let ids: Vec<String> = reader.map(|record| record.unwrap().id).collect();
    assert_eq!(ids, ["\\xff.txt:1", "\\xfe.txt:1"]);
}
