//! Progress bars on standard error; indicatif draws none where that is no terminal.

use indicatif::{ProgressBar, ProgressStyle};

/// A bar over the bytes of a file; one that only turns where the file's size is not known.
pub(crate) fn file_bar(n_bytes: Option<u64>, quiet: bool) -> ProgressBar {
    if quiet {
        return ProgressBar::hidden();
    }
    match n_bytes {
        Some(n) => {
            styled(ProgressBar::new(n), "{bar:32} {percent:>3} %  {msg}  {elapsed}, {eta} left")
        }
        None => styled(ProgressBar::new_spinner(), "{spinner} {msg}  {elapsed}"),
    }
}

/// A bar over the bytes of a download.
#[cfg(feature = "hub")]
pub(crate) fn download_bar() -> ProgressBar {
    let template = "{bar:32} {bytes} of {total_bytes}, {binary_bytes_per_sec}  {msg}";
    styled(ProgressBar::new(0), template)
}

fn styled(bar: ProgressBar, template: &str) -> ProgressBar {
    bar.with_style(ProgressStyle::with_template(template).expect("the template is a constant"))
}
