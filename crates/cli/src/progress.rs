//! Progress bars on standard error; indicatif draws them only at a terminal.

use indicatif::{ProgressBar, ProgressStyle};

use crate::terminal::message_width;

/// A bar for the bytes of a file, or a spinner if its size is unknown.
pub(crate) fn file_bar(n_bytes: Option<u64>, quiet: bool) -> ProgressBar {
    if quiet {
        return ProgressBar::hidden();
    }
    match n_bytes {
        Some(n) if is_narrow() => styled(ProgressBar::new(n), "{percent:>3} %  {wide_msg}"),
        Some(n) => {
            styled(ProgressBar::new(n), "{bar:32} {percent:>3} %  {msg}  {elapsed}, {eta} left")
        }
        None if is_narrow() => styled(ProgressBar::new_spinner(), "{spinner} {wide_msg}"),
        None => styled(ProgressBar::new_spinner(), "{spinner} {msg}  {elapsed}"),
    }
}

/// A bar for the bytes of a download.
#[cfg(feature = "hub")]
pub(crate) fn download_bar() -> ProgressBar {
    let template = match is_narrow() {
        true => "{bytes}  {wide_msg}",
        false => "{bar:32} {bytes} of {total_bytes}, {binary_bytes_per_sec}  {wide_msg}",
    };
    styled(ProgressBar::new(0), template)
}

/// Whether a bar with its numbers is wider than the terminal.
fn is_narrow() -> bool {
    message_width().is_some_and(|columns| columns < 80)
}

fn styled(bar: ProgressBar, template: &str) -> ProgressBar {
    bar.with_style(ProgressStyle::with_template(template).expect("the template is a constant"))
}
