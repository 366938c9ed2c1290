//! Recognises the kind of a file by its first bytes, whatever its name.

/// What the first bytes of a file show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    Gzip,
    Zstd,
    Parquet,
    Npz,
    /// A format that we cannot read.
    Foreign(Foreign),
    /// Anything else; only this can be text.
    Text,
}

/// A format that we cannot read, and a command that converts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Foreign {
    pub(crate) what: &'static str,
    pub(crate) remedy: &'static str,
}

/// The bytes needed to recognise every kind: tar's magic number is at byte 257.
pub(crate) const N_BYTES: usize = 512;

const UNPACK: &str = "unpack it and name the files in it";
const AS_TEXT: &str = "save it as CSV or JSON lines";
const AS_PARQUET: &str = "write it as Parquet or JSON lines";

/// First bytes, the format they identify, and the remedy.
#[rustfmt::skip]
const MARKS: [(&[u8], &str, &str); 30] = [
    (b"BZh91AY&SY", BZIP2, BUNZIP2),
    (b"BZh81AY&SY", BZIP2, BUNZIP2),
    (b"BZh71AY&SY", BZIP2, BUNZIP2),
    (b"BZh61AY&SY", BZIP2, BUNZIP2),
    (b"BZh51AY&SY", BZIP2, BUNZIP2),
    (b"BZh41AY&SY", BZIP2, BUNZIP2),
    (b"BZh31AY&SY", BZIP2, BUNZIP2),
    (b"BZh21AY&SY", BZIP2, BUNZIP2),
    (b"BZh11AY&SY", BZIP2, BUNZIP2),
    (b"\xfd7zXZ\0", "compressed by xz", "decompress it first (`xz -dc`)"),
    (b"\x5d\0\0", "compressed by LZMA", "decompress it first (`xz -dc --format=lzma`)"),
    (b"LZIP\x01", "compressed by lzip", "decompress it first (`lzip -dc`)"),
    (b"\x04\x22\x4d\x18", "compressed by LZ4", "decompress it first (`lz4 -dc`)"),
    (b"\x02\x21\x4c\x18", "compressed by LZ4", "decompress it first (`lz4 -dc`)"),
    (b"\x89LZO\0\r\n\x1a\n", "compressed by lzop", "decompress it first (`lzop -dc`)"),
    (b"\xff\x06\0\0sNaPpY", "compressed by Snappy", "decompress it first (`snzip -dc`)"),
    (b"\x1f\x9d", "compressed by compress (.Z)", "decompress it first (`gzip -dc`)"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", UNPACK),
    (b"Rar!\x1a\x07", "a RAR archive", UNPACK),
    (b"%PDF-", "a PDF document", "take its text out first (`pdftotext`)"),
    (b"{\\rtf", "a document in RTF", "save it as plain text"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office document (.xls, .doc)", AS_TEXT),
    (b"ARROW1\0\0", "an Arrow (Feather) file", AS_PARQUET),
    (b"\xff\xff\xff\xff", "a stream of Arrow", AS_PARQUET),
    (b"Obj\x01", "an Avro file", AS_PARQUET),
    (b"SQLite format 3\0", "an SQLite database", "write its table as CSV (`sqlite3 -csv -header`)"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file", AS_PARQUET),
    (b"\x93NUMPY", "a NumPy array (.npy)", "save a matrix with `scipy.sparse.save_npz`"),
    (b"\x80\x04\x95", "a Python pickle", AS_PARQUET),
    (b"version https://git-lfs.github.com/spec/", "a Git LFS pointer, not the file itself",
        "fetch the file with `git lfs pull`"),
];
const BZIP2: &str = "compressed by bzip2";
const BUNZIP2: &str = "decompress it first (`bzip2 -dc`)";

/// Recognises a file by its first bytes: at least [`N_BYTES`], or the whole file.
pub(crate) fn recognise(start: &[u8]) -> Content {
    let foreign = |what, remedy| Content::Foreign(Foreign { what, remedy });
    if start.starts_with(b"\x1f\x8b") {
        return Content::Gzip;
    }
    // A skippable frame is a frame too.
    let is_skippable = matches!(start, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..]);
    if start.starts_with(b"\x28\xb5\x2f\xfd") || is_skippable {
        return Content::Zstd;
    }
    // In Parquet, a page header or the footer follows the magic number; neither is text.
    if !start.get(4).is_some_and(|byte| matches!(byte, b'\t'..=b'\r' | b' '..=b'~')) {
        match start.get(..4) {
            Some(b"PAR1") => return Content::Parquet,
            Some(b"PARE") => {
                return foreign("an encrypted Parquet file", "write it without encryption");
            }
            _ => {}
        }
    }
    if start.starts_with(b"PK\x03\x04") || start.starts_with(b"PK\x05\x06") {
        return zip(start);
    }
    if let Some((_, what, remedy)) = MARKS.iter().find(|(mark, ..)| start.starts_with(mark)) {
        return foreign(what, remedy);
    }
    if start.get(257..262) == Some(b"ustar") {
        return foreign("a tar archive", UNPACK);
    }
    match wide_characters(start) {
        Some((what, remedy)) => foreign(what, remedy),
        None => Content::Text,
    }
}

/// The kind of a ZIP archive, by the name of its first member, which starts at byte 30.
fn zip(start: &[u8]) -> Content {
    let length = start.get(26..28).map_or(0, |n| usize::from(n[0]) | usize::from(n[1]) << 8);
    let name = start.get(30..).unwrap_or_default();
    let name = &name[..length.min(name.len())];
    if name.ends_with(b".npy") {
        return Content::Npz;
    }
    let is_office = name == b"[Content_Types].xml" || name == b"mimetype" || name == b"_rels/.rels";
    let is_office = is_office || name.starts_with(b"xl/") || name.starts_with(b"word/");
    Content::Foreign(match is_office {
        true => Foreign { what: "an Office document (.xlsx, .docx, .ods)", remedy: AS_TEXT },
        false => Foreign { what: "a ZIP archive", remedy: UNPACK },
    })
}

/// UTF-16 and UTF-32, by their byte order mark or, without one, by the zero bytes of ASCII
/// characters.
fn wide_characters(start: &[u8]) -> Option<(&'static str, &'static str)> {
    const UTF_16: (&str, &str) = ("UTF-16", "convert it first (`iconv -f UTF-16 -t UTF-8`)");
    const UTF_32: (&str, &str) = ("UTF-32", "convert it first (`iconv -f UTF-32 -t UTF-8`)");
    if start.starts_with(b"\xff\xfe\0\0") || start.starts_with(b"\0\0\xfe\xff") {
        return Some(UTF_32);
    }
    if start.starts_with(b"\xff\xfe") || start.starts_with(b"\xfe\xff") {
        return Some(UTF_16);
    }
    let (pairs, _) = start.as_chunks::<2>();
    let zeros = |i: usize| pairs.iter().filter(|pair| pair[i] == 0).count();
    let (first, second) = (zeros(0), zeros(1));
    // Text in any script has spaces, digits, commas or line ends, which are ASCII.
    let is_many = |n: usize, other: usize| n >= 2 && n * 4 >= pairs.len() && other * 8 <= n;
    match (first, second) {
        (other, n) if is_many(n, other) => {
            Some(("UTF-16 (little-endian)", "convert it first (`iconv -f UTF-16LE -t UTF-8`)"))
        }
        (n, other) if is_many(n, other) => {
            Some(("UTF-16 (big-endian)", "convert it first (`iconv -f UTF-16BE -t UTF-8`)"))
        }
        _ => {
            let (quads, rest) = start.as_chunks::<4>();
            let all = |is: fn(&[u8; 4]) -> bool| quads.iter().all(is);
            let is_wide = all(|q| q[3] == 0 && q[2] <= 0x10 && (q[0], q[1]) != (0, 0))
                || all(|q| q[0] == 0 && q[1] <= 0x10 && (q[2], q[3]) != (0, 0));
            (quads.len() >= 2 && rest.is_empty() && is_wide).then_some(UTF_32)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn what(start: &[u8]) -> &'static str {
        match recognise(start) {
            Content::Foreign(foreign) => foreign.what,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn files_of_other_programs_are_known_by_their_first_bytes() {
        assert_eq!(what(b"BZh91AY&SY\x12"), "compressed by bzip2");
        assert_eq!(what(b"\xfd7zXZ\0\0\x04"), "compressed by xz");
        assert_eq!(what(b"7z\xbc\xaf\x27\x1c\0\x04"), "a 7z archive");
        let mut tar = vec![0; 512];
        tar[257..262].copy_from_slice(b"ustar");
        assert_eq!(what(&tar), "a tar archive");
        let zip = |name: &[u8]| {
            [b"PK\x03\x04", &[0; 22][..], &[name.len() as u8, 0, 0, 0], name].concat()
        };
        assert_eq!(what(&zip(b"corpus.jsonl")), "a ZIP archive");
        assert_eq!(what(&zip(b"[Content_Types].xml")), "an Office document (.xlsx, .docx, .ods)");
        assert_eq!(recognise(&zip(b"data.npy")), Content::Npz);
        assert_eq!(what(b"PK\x03\x04"), "a ZIP archive");
        assert_eq!(recognise(b"\x5f\x2a\x4d\x18\x04\0\0\0"), Content::Zstd);
        assert_eq!(what(b"PARE\x15\x04\x15"), "an encrypted Parquet file");
        assert_eq!(recognise(b"PAR1\x15\x04\x15"), Content::Parquet);
    }

    #[test]
    fn utf_16_and_utf_32_are_known_with_and_without_a_byte_order_mark() {
        for text in ["{\"id\": \"1\", \"text\": \"天気がいい\"}\n", "sunny\n", "id,text\r\n1,é\r\n"]
        {
            let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
            let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
            assert_eq!(what(&little), "UTF-16 (little-endian)");
            assert_eq!(what(&big), "UTF-16 (big-endian)");
            assert_eq!(what(&[b"\xff\xfe", &little[..]].concat()), "UTF-16");
            assert_eq!(what(&[b"\xfe\xff", &big[..]].concat()), "UTF-16");
            let wide: Vec<u8> = text.chars().flat_map(|c| u32::from(c).to_le_bytes()).collect();
            assert_eq!(what(&wide), "UTF-32");
            let wide: Vec<u8> = text.chars().flat_map(|c| u32::from(c).to_be_bytes()).collect();
            assert_eq!(what(&wide), "UTF-32");
        }
    }

    #[test]
    fn text_in_utf_8_is_text() {
        for text in [
            "",
            "a",
            "sunny\nweather\n",
            "PAR",
            "PARENT_ID,text\n1,x\n",
            "PARE1 Q0 a 1 0.5 x\n",
            "PAR1S is a word",
            "PK",
            "BZh9 is a word",
            "天気",
            "a\0b",
            "al\0pha\nb\n",
            "ab\0cde\n",
            "\u{feff}a",
        ] {
            assert_eq!(recognise(text.as_bytes()), Content::Text, "{text:?}");
        }
    }
}
