//! Expands the given paths into files, in a fixed order.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use splade_output::is_standard_input;

use crate::{CorpusError, InputError, RemoteFiles};

use super::TextFormat;

/// A file to read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct InputFile {
    /// Its path; `-` is standard input.
    pub path: Arc<Path>,
    /// Its distinguishing name: the file name, or the path below the given folder. If two are
    /// equal, all files are named by their paths.
    pub name: String,
    /// Its size in bytes, if it is an ordinary file.
    pub n_bytes: Option<u64>,
    /// Whether it is in another place: see [`RemoteFiles`].
    pub is_remote: bool,
}

/// Expands folders. Files come in the given order, those of a folder sorted by name.
///
/// Within folders, names that start with `.` or `_` are skipped, as by Hadoop and Arrow. Any other
/// file in a folder must have a known extension, unless `format` sets the format.
pub(crate) fn expand(
    paths: &[PathBuf],
    format: Option<TextFormat>,
    remote: Option<&dyn RemoteFiles>,
) -> Result<Vec<InputFile>, CorpusError> {
    if paths.is_empty() {
        return Err(CorpusError::Input(InputError::NoFiles));
    }
    let mut files = Vec::new();
    for path in paths {
        if path.as_os_str() == "-" {
            let (path, name) = (Arc::from(path.as_path()), "-".to_owned());
            files.push(InputFile { path, name, n_bytes: None, is_remote: false });
            continue;
        }
        if let Some(remote) = remote.filter(|remote| remote.is_remote(path)) {
            files.append(&mut expand_remote(path, format, remote)?);
            continue;
        }
        if is_object_name(path) {
            let path = path.clone();
            return Err(CorpusError::Input(InputError::ObjectStore { path }));
        }
        let metadata = fs::metadata(path).map_err(CorpusError::read(path))?;
        if metadata.is_dir() {
            let mut folder = Folder { root: path, format, above: Vec::new(), files: Vec::new() };
            folder.walk(path)?;
            if folder.files.is_empty() {
                return Err(CorpusError::Input(InputError::EmptyFolder { folder: path.clone() }));
            }
            files.append(&mut folder.files);
        } else {
            let name = path.file_name().unwrap_or(path.as_os_str());
            files.push(InputFile {
                name: shown_name(name),
                path: Arc::from(path.as_path()),
                n_bytes: metadata.is_file().then_some(metadata.len()),
                is_remote: false,
            });
        }
    }
    let mut seen = HashSet::new();
    for file in &files {
        if !seen.insert(real_path(&file.path)) {
            return Err(CorpusError::Input(InputError::SameFileTwice {
                path: file.path.to_path_buf(),
            }));
        }
    }
    let names: HashSet<&str> = files.iter().map(|file| &*file.name).collect();
    if names.len() < files.len() {
        for file in &mut files {
            file.name = shown_name(file.path.as_os_str());
        }
    }
    Ok(files)
}

/// The files of another place, in the order and by the rules of those of a folder.
fn expand_remote(
    path: &Path,
    format: Option<TextFormat>,
    remote: &dyn RemoteFiles,
) -> Result<Vec<InputFile>, CorpusError> {
    let mut files = Vec::new();
    for file in remote.list(path).map_err(CorpusError::read(path))? {
        if file.is_in_folder {
            if file.name.split('/').any(|name| name.starts_with(['.', '_'])) {
                continue;
            }
            check_extension(&file.path, format)?;
        }
        files.push(InputFile {
            path: Arc::from(file.path),
            name: file.name,
            n_bytes: Some(file.n_bytes),
            is_remote: true,
        });
    }
    match files.is_empty() {
        false => Ok(files),
        true => Err(CorpusError::Input(InputError::EmptyFolder { folder: path.to_owned() })),
    }
}

/// Refuses a file of a folder whose name does not say its format.
fn check_extension(path: &Path, format: Option<TextFormat>) -> Result<(), CorpusError> {
    match format.or_else(|| TextFormat::of_name(path)) {
        Some(_) => Ok(()),
        None => Err(CorpusError::Input(InputError::UnknownExtension {
            path: path.to_owned(),
            known: TextFormat::EXTENSIONS,
        })),
    }
}

/// Whether a path is the name of an object in a store, such as `s3://bucket/key`, whatever this
/// build can read.
#[must_use]
pub fn is_object_name(path: &Path) -> bool {
    const SCHEMES: [&str; 8] = ["s3", "s3a", "gs", "az", "adl", "azure", "abfs", "abfss"];
    let scheme = path.to_str().and_then(|path| path.split_once("://"));
    scheme.is_some_and(|(scheme, _)| SCHEMES.iter().any(|name| name.eq_ignore_ascii_case(scheme)))
}

/// A name as text. Invalid UTF-8 is escaped, so that two such names differ.
fn shown_name(name: &OsStr) -> String {
    match name.to_str() {
        Some(name) => name.to_owned(),
        None => name.as_encoded_bytes().escape_ascii().to_string(),
    }
}

/// One path for all names of the same file, and one for all names of standard input.
pub(crate) fn real_path(path: &Path) -> PathBuf {
    if is_standard_input(path) {
        return "-".into();
    }
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// A folder being walked.
struct Folder<'a> {
    root: &'a Path,
    format: Option<TextFormat>,
    /// Its ancestors, to stop at circular links.
    above: Vec<PathBuf>,
    files: Vec<InputFile>,
}

impl Folder<'_> {
    fn walk(&mut self, folder: &Path) -> Result<(), CorpusError> {
        let real = fs::canonicalize(folder).map_err(CorpusError::read(folder))?;
        if self.above.contains(&real) {
            return Err(CorpusError::Input(InputError::SameFileTwice { path: folder.to_owned() }));
        }
        self.above.push(real);
        let mut names = Vec::new();
        for entry in fs::read_dir(folder).map_err(CorpusError::read(folder))? {
            names.push(entry.map_err(CorpusError::read(folder))?.file_name());
        }
        names.sort_unstable();
        for name in names {
            if name.as_encoded_bytes().starts_with(b".")
                || name.as_encoded_bytes().starts_with(b"_")
            {
                continue;
            }
            let path = folder.join(&name);
            let metadata = fs::metadata(&path).map_err(CorpusError::read(&path))?;
            if metadata.is_dir() {
                self.walk(&path)?;
                continue;
            }
            check_extension(&path, self.format)?;
            self.files.push(InputFile {
                name: relative(self.root, &path),
                path: Arc::from(path),
                n_bytes: metadata.is_file().then_some(metadata.len()),
                is_remote: false,
            });
        }
        self.above.pop();
        Ok(())
    }
}

/// The path below a folder, with `/` between its names on every system.
fn relative(folder: &Path, path: &Path) -> String {
    let below = path.strip_prefix(folder).unwrap_or(path);
    let names: Vec<_> = below.iter().map(shown_name).collect();
    names.join("/")
}
