//! CSV and TSV.

use proptest::prelude::*;
use splade_corpus::{Header, Quoting, ReadOptions, TextColumn};

use crate::fixtures::pairs;

fn plain() -> ReadOptions {
    ReadOptions::default()
}

#[test]
fn columns_are_found_by_the_names_in_the_header() {
    let csv = b"title,ID,text,_id\nT,no,\"a \"\"b\"\",\nc\",7\n";
    assert_eq!(pairs("in.csv", csv, plain()).unwrap(), [("7".into(), "a \"b\",\nc".into())]);
    let options = plain().with_text(["title", "text"]).with_separator(": ").with_id("ID");
    assert_eq!(pairs("in.csv", csv, options).unwrap(), [("no".into(), "T: a \"b\",\nc".into())]);
    let tsv = b"id\ttext\r\n1\ta, b\r\n";
    assert_eq!(pairs("in.tsv", tsv, plain()).unwrap(), [("1".into(), "a, b".into())]);
}

#[test]
fn without_an_id_rows_are_named_by_their_numbers() {
    let csv = b"text\n\"a\nb\"\n\"\"\nc\n";
    let expected = [("1", "a\nb"), ("2", ""), ("3", "c")];
    let expected = expected.map(|(id, text)| (id.to_owned(), text.to_owned()));
    assert_eq!(pairs("in.csv", csv, plain()).unwrap(), expected);
}

#[test]
fn quotes_are_characters_in_tsv_and_enclose_cells_in_csv() {
    let owned = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        pairs.iter().map(|(id, text)| ((*id).to_owned(), (*text).to_owned())).collect()
    };
    let rows =
        |d: &str| format!("id{d}text\n1{d}\"Alpha one\n2{d}beta two\n3{d}gamma three\"\n4{d}delta");
    let four = [("1", "\"Alpha one"), ("2", "beta two"), ("3", "gamma three\""), ("4", "delta")];
    let two = |d: &str| format!("Alpha one\n2{d}beta two\n3{d}gamma three");
    let read = |name, d, options| pairs(name, rows(d).as_bytes(), options).unwrap();
    assert_eq!(read("in.tsv", "\t", plain()), owned(&four));
    let quoted = plain().with_quoting(Quoting::Double);
    assert_eq!(read("in.tsv", "\t", quoted), owned(&[("1", &two("\t")), ("4", "delta")]));
    assert_eq!(read("in.csv", ",", plain()), owned(&[("1", &two(",")), ("4", "delta")]));
    assert_eq!(read("in.csv", ",", plain().with_quoting(Quoting::None)), owned(&four));
    // Quotes that do enclose cells are not silently misread.
    let error = pairs("in.tsv", b"id\ttext\n1\t\"a\nb\"\n", plain()).unwrap_err();
    assert!(error.contains("in.tsv, line 3: 1 cells") && error.contains("`--quotes`"), "{error}");
}

#[test]
fn files_of_ms_marco_have_neither_header_nor_quotes() {
    let tsv = b"0\t\"To be\" or not\n1\t\"\"x\n";
    let options = plain().with_header(Header::Absent).with_id("1").with_text(["2"]);
    let expected = [("0", "\"To be\" or not"), ("1", "\"\"x")];
    let expected = expected.map(|(id, text)| (id.to_owned(), text.to_owned()));
    assert_eq!(pairs("in.tsv", tsv, options.clone()).unwrap(), expected);
    assert_eq!(pairs("in.tsv", b"", options.clone()).unwrap(), []);
    let error = pairs("in.tsv", tsv, options.with_quoting(Quoting::Double)).unwrap_err();
    assert!(error.contains("in.tsv, line 1: cell 2 has text after its closing quote"), "{error}");
}

#[test]
fn columns_of_tables_may_be_missing_and_have_any_name() {
    let columns = |list| plain().with_text(TextColumn::parse_list(list).unwrap());
    let text = |csv: &str, list| {
        let pairs = pairs("in.csv", csv.as_bytes(), columns(list))?;
        Ok::<_, String>(pairs.into_iter().map(|(_, text)| text).collect::<Vec<_>>())
    };
    assert_eq!(text("id,text\n1,x\n", "title?,text").unwrap(), ["x"]);
    assert_eq!(text("id,title,text\n1,T,x\n", "title?,text").unwrap(), ["T x"]);
    assert_eq!(text("id,who?,\"a,b\"\n1,x,y\n", "who?,\"a,b\"").unwrap(), ["x y"]);
    let error = |csv, list| text(csv, list).unwrap_err();
    assert!(error("id,body\n1,x\n", "title?").contains("no column `title`; it has `id`, `body`"));
    assert!(error("who?,who\nx,y\n", "who?").contains("has the columns `who?` and `who`"));
    assert!(error("who\nx\n", "\"who?\"").contains("no column `who?`"));
}

#[test]
fn a_broken_table_is_named() {
    for (content, expected) in [
        (&b""[..], "in.csv is empty"),
        (b"id,txt\n1,x\n", "in.csv has no column `text`; it has `id`, `txt`"),
        (b"text,text\n1,x\n", "in.csv has the column `text` twice"),
        (b"id,_id,text\n1,2,x\n", "in.csv has the column `id` and `_id` twice"),
        (b"id,text\n1,\"x\ny\"\n2\n", "in.csv, line 4: 1 cells, but the header has 2"),
        (b"id,text\n1,x,y\n", "in.csv, line 2: 3 cells, but the header has 2"),
        (b"id,text\n1,\"x\n", "in.csv, line 2: cell 2 has a quote that is never closed"),
        (b"id,text\n1,a\xffb\n", "in.csv, line 2: not UTF-8 at byte 2 of the cell"),
    ] {
        let error = pairs("in.csv", content, plain()).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
}

proptest! {
    /// The crate `csv` is the oracle: what it writes is read back the same by both.
    #[test]
    fn tables_read_as_the_csv_crate_reads_them(
        rows in prop::collection::vec(["[a\",\n\r \u{e9}]{0,6}", "[a\",\n\r \u{e9}]{0,6}"], 0..8),
        crlf in any::<bool>(),
    ) {
        let terminator = if crlf { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') };
        let mut writer = csv::WriterBuilder::new().terminator(terminator).from_writer(Vec::new());
        writer.write_record(["id", "text"]).unwrap();
        for row in &rows {
            writer.write_record(row).unwrap();
        }
        let bytes = writer.into_inner().unwrap();
        let twin: Vec<(String, String)> =
            csv::Reader::from_reader(&bytes[..]).deserialize().collect::<Result<_, _>>().unwrap();
        prop_assert_eq!(twin.len(), rows.len());
        prop_assert_eq!(pairs("in.csv", &bytes, plain()).unwrap(), twin);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for name in ["in.csv", "in.tsv", "in.jsonl", "in.txt", "in.parquet", "in.csv.gz"] {
            let _ = pairs(name, &bytes, plain());
        }
    }
}
