//! `splade finish`: checks the parts of a planned corpus and writes the manifest.

use splade::corpus::{FinishOptions, Mixtures, Places, Verification, finish_plan_in};
use splade::output::escaped;

use crate::args::FinishArgs;
use crate::error::CliError;
use crate::terminal::tell;
use crate::text::thousands;

pub(crate) fn run(args: &FinishArgs) -> Result<(), CliError> {
    let mut options = FinishOptions::default();
    if args.verify {
        options = options.with_verification(Verification::Checksums);
    }
    if args.allow_mixed {
        options = options.with_mixtures(Mixtures::Allowed);
    }
    let folder = Places::default().folder(&args.folder)?;
    let manifest = finish_plan_in(&*folder, options)?;
    if !args.quiet {
        let folder = args.folder.display().to_string();
        tell(format!(
            "{} is complete: {} texts in {} parts",
            escaped(&folder),
            thousands(manifest.rows as usize),
            thousands(manifest.parts.len()),
        ));
    }
    Ok(())
}
