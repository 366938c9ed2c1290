//! The manifest of a folder of parts: what is finished, and with which settings.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::output::publish_json;
use crate::{CorpusError, PartsError, VectorFormat};

use super::InputRange;

/// The manifest's file name.
pub(crate) const MANIFEST: &str = "manifest.json";

/// The version that we write.
const VERSION: u32 = 2;

/// A version without checksums of the input: its vectors are read, but nothing is added to them.
const VERSION_WITHOUT_INPUT: u32 = 1;

/// What a folder of parts holds: `manifest.json` in it.
///
/// A part counts only when it is listed here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Manifest {
    /// The format version, 2.
    version: u32,
    /// Whether all parts are written.
    pub complete: bool,
    /// Number of rows in all parts.
    pub rows: u64,
    /// Sums of the parts' totals.
    pub totals: BTreeMap<String, u64>,
    /// The name of the format, see [`VectorFormat::name`].
    pub format: String,
    /// The suffix after a part's extension: empty, `.gz` or `.zst`.
    pub compression: String,
    /// The dimension of all vectors.
    pub dimension: usize,
    /// The factor of integer weights.
    pub quantization_factor: u32,
    /// Rows of each part but the last.
    pub rows_per_part: u64,
    /// Everything else that determines the rows; set by the caller.
    pub settings: Value,
    /// The parts, in order.
    pub parts: Vec<PartInfo>,
}

/// One part of the rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PartInfo {
    /// The name of its file.
    pub file: String,
    /// Number of rows.
    pub rows: u64,
    /// Size of the file in bytes.
    pub bytes: u64,
    /// The CRC-32 of its file, in hexadecimal digits.
    pub crc32: String,
    /// The id of its first row.
    pub first_id: String,
    /// The id of its last row.
    pub last_id: String,
    /// The caller's totals.
    pub totals: BTreeMap<String, u64>,
    /// The input it was made from, file by file; empty if not recorded.
    #[serde(default)]
    pub input: Vec<InputRange>,
}

impl PartInfo {
    /// Reads the part's file and compares its checksum.
    pub(crate) fn verify(&self, path: &Path) -> Result<(), CorpusError> {
        let (_, found) = file_checksum(path).map_err(CorpusError::read(path))?;
        self.check(path, found)
    }

    /// Compares the checksum of the part's file.
    pub(crate) fn check(&self, path: &Path, found: String) -> Result<(), CorpusError> {
        if found == self.crc32 {
            return Ok(());
        }
        let (path, expected) = (path.to_owned(), self.crc32.clone());
        Err(CorpusError::Parts(PartsError::PartChecksum { path, found, expected }))
    }
}

impl Manifest {
    /// A manifest without parts, with the settings of `self` to compare and keep.
    pub(crate) fn new(
        format: VectorFormat,
        compression: &str,
        dimension: usize,
        quantization_factor: u32,
        rows_per_part: u64,
        settings: Value,
    ) -> Self {
        Self {
            version: VERSION,
            complete: false,
            rows: 0,
            totals: BTreeMap::new(),
            format: format.name().to_owned(),
            compression: compression.to_owned(),
            dimension,
            quantization_factor,
            rows_per_part,
            settings,
            parts: Vec::new(),
        }
    }

    /// Reads the manifest of a folder.
    ///
    /// # Errors
    /// [`PartsError::NoManifest`], [`CorpusError::Read`], [`PartsError::Manifest`] or
    /// [`PartsError::ManifestContent`].
    pub fn load(folder: &Path) -> Result<Self, CorpusError> {
        let path = folder.join(MANIFEST);
        let json = match fs::read(&path) {
            Ok(json) => json,
            Err(error) if error.kind() == io::ErrorKind::NotFound && folder.is_dir() => {
                return Err(CorpusError::Parts(PartsError::NoManifest {
                    folder: folder.to_owned(),
                }));
            }
            Err(source) => return Err(CorpusError::Read { path, source }),
        };
        Self::parse(folder, &json)
    }

    /// Reads the manifest of a folder from its text.
    pub(crate) fn parse(folder: &Path, json: &[u8]) -> Result<Self, CorpusError> {
        let path = folder.join(MANIFEST);
        let manifest: Self = serde_json::from_slice(json).map_err(|source| {
            CorpusError::Parts(PartsError::Manifest { path: path.clone(), source })
        })?;
        match manifest.problem() {
            None => Ok(manifest),
            Some(problem) => Err(CorpusError::Parts(PartsError::ManifestContent { path, problem })),
        }
    }

    /// The first contradiction, if any.
    fn problem(&self) -> Option<&'static str> {
        if ![VERSION_WITHOUT_INPUT, VERSION].contains(&self.version) {
            return Some("made by another version of this program");
        }
        let Ok(format) = self.format.parse::<VectorFormat>() else {
            return Some("the format is unknown");
        };
        let mut rows: u64 = 0;
        let mut totals = BTreeMap::new();
        for (i, part) in self.parts.iter().enumerate() {
            if part.file != part_name(i, format, &self.compression) {
                return Some("the parts are not numbered one by one");
            }
            let is_last = self.complete && i + 1 == self.parts.len();
            if part.rows == 0
                || part.rows > self.rows_per_part
                || part.rows < self.rows_per_part && !is_last
            {
                return Some("a part before the last lacks some of its rows");
            }
            if part.input.iter().any(|range| range.records == 0 || range.end < range.start) {
                return Some("a range of the input has no records, or ends before it starts");
            }
            rows = rows.saturating_add(part.rows);
            add_totals(&mut totals, &part.totals);
        }
        if rows != self.rows || totals != self.totals {
            return Some("the rows or totals are not the sums of those of the parts");
        }
        None
    }

    /// Refuses to continue parts that have no checksums of their input.
    pub(crate) fn check_resumable(&self, folder: &Path) -> Result<(), CorpusError> {
        if self.version != VERSION_WITHOUT_INPUT {
            return Ok(());
        }
        let path = folder.join(MANIFEST);
        let problem = "made by a version that kept no checksums of the input, so nothing shows that \
                       the input is the same: name another output folder";
        Err(CorpusError::Parts(PartsError::ManifestContent { path, problem }))
    }

    /// Writes the manifest atomically: either the old or the new one is there.
    pub(crate) fn save(&self, folder: &Path) -> Result<(), CorpusError> {
        publish_json(&folder.join(MANIFEST), self)
    }

    /// Adds a part that is already on the disk.
    pub(crate) fn push(&mut self, part: PartInfo) {
        self.rows += part.rows;
        add_totals(&mut self.totals, &part.totals);
        self.parts.push(part);
    }

    /// The format.
    pub(crate) fn vector_format(&self) -> VectorFormat {
        self.format.parse().expect("it was checked when the manifest was made or read")
    }

    /// The file name of the next part.
    pub(crate) fn next_name(&self) -> String {
        part_name(self.parts.len(), self.vector_format(), &self.compression)
    }

    /// The files of all parts, in order.
    #[must_use]
    pub fn part_paths(&self, folder: &Path) -> Vec<PathBuf> {
        self.parts.iter().map(|part| folder.join(&part.file)).collect()
    }

    /// The id of the last row.
    #[must_use]
    pub fn last_id(&self) -> Option<&str> {
        self.parts.last().map(|part| &*part.last_id)
    }

    /// Checks that all parts are there with their sizes.
    ///
    /// # Errors
    /// [`PartsError::PartMissing`], [`PartsError::PartSize`] or [`CorpusError::Read`].
    pub fn check_sizes(&self, folder: &Path) -> Result<(), CorpusError> {
        for (part, path) in self.parts.iter().zip(self.part_paths(folder)) {
            let found = match fs::metadata(&path) {
                Ok(metadata) => metadata.len(),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    return Err(CorpusError::Parts(PartsError::PartMissing { path }));
                }
                Err(source) => return Err(CorpusError::Read { path, source }),
            };
            if found != part.bytes {
                return Err(CorpusError::Parts(PartsError::PartSize {
                    path,
                    found,
                    expected: part.bytes,
                }));
            }
        }
        Ok(())
    }

    /// Reads all parts and compares their checksums.
    ///
    /// # Errors
    /// As [`check_sizes`](Self::check_sizes), and [`PartsError::PartChecksum`].
    pub fn verify(&self, folder: &Path) -> Result<(), CorpusError> {
        self.check_sizes(folder)?;
        let mut parts = self.parts.iter().zip(self.part_paths(folder));
        parts.try_for_each(|(part, path)| part.verify(&path))
    }

    /// The first setting that differs: its name, its value here, its value in `now`.
    pub(crate) fn differing_setting(&self, now: &Self) -> Option<(String, String, String)> {
        let own = |manifest: &Self| {
            serde_json::json!({
                "format": manifest.format,
                "compression": manifest.compression,
                "dimension": manifest.dimension,
                "quantization_factor": manifest.quantization_factor,
                "rows_per_part": manifest.rows_per_part,
            })
        };
        difference("", &own(self), &own(now))
            .or_else(|| difference("", &self.settings, &now.settings))
    }
}

pub(crate) fn part_name(number: usize, format: VectorFormat, compression: &str) -> String {
    format!("part-{number:05}.{}{compression}", format.extension())
}

fn add_totals(sums: &mut BTreeMap<String, u64>, totals: &BTreeMap<String, u64>) {
    for (name, total) in totals {
        let sum = sums.entry(name.clone()).or_default();
        *sum = sum.saturating_add(*total);
    }
}

/// The size of a file, and its CRC-32 in hexadecimal digits, as in manifests.
///
/// # Errors
/// The errors of the disk.
pub fn file_checksum(path: &Path) -> io::Result<(u64, String)> {
    let mut file = File::open(path)?;
    let mut buffer = vec![0; 1 << 16];
    let (mut crc, mut bytes) = (flate2::Crc::new(), 0);
    loop {
        let n = file.read(&mut buffer)?;
        if n == 0 {
            return Ok((bytes, format!("{:08x}", crc.sum())));
        }
        crc.update(&buffer[..n]);
        bytes += n as u64;
    }
}

/// The first key at which two values differ, with dots between the levels.
pub(crate) fn difference(key: &str, then: &Value, now: &Value) -> Option<(String, String, String)> {
    match (then, now) {
        (Value::Object(then), Value::Object(now)) => {
            let names = then.keys().chain(now.keys().filter(|name| !then.contains_key(*name)));
            names.into_iter().find_map(|name| {
                let key = if key.is_empty() { name.clone() } else { format!("{key}.{name}") };
                match (then.get(name), now.get(name)) {
                    (Some(then), Some(now)) => difference(&key, then, now),
                    (then, now) => {
                        let shown = |value: Option<&Value>| {
                            value.map_or("absent".to_owned(), Value::to_string)
                        };
                        Some((key, shown(then), shown(now)))
                    }
                }
            })
        }
        _ if then == now => None,
        _ => {
            let key = if key.is_empty() { "settings" } else { key };
            Some((key.to_owned(), then.to_string(), now.to_string()))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_setting_that_differs_is_named_at_any_depth() {
        let then = json!({"a": 1, "model": {"name": "x", "files": [1, 2]}});
        assert_eq!(difference("", &then, &then), None);
        let now = json!({"a": 1, "model": {"name": "x", "files": [1, 3]}});
        let (key, then_value, now_value) = difference("", &then, &now).unwrap();
        assert_eq!((&*key, &*then_value, &*now_value), ("model.files", "[1,2]", "[1,3]"));
        let now = json!({"a": 1, "model": {"name": "x", "files": [1, 2]}, "b": null});
        assert_eq!(difference("", &then, &now).unwrap().0, "b");
        assert_eq!(difference("", &now, &then).unwrap().2, "absent");
        assert_eq!(difference("", &json!("x"), &json!("y")).unwrap().0, "settings");
    }
}
