//! Arguments of `splade finish`.

use std::path::PathBuf;

/// Check that a planned corpus is encoded, and write its manifest.
///
/// Every unit must have its part, made with the same model and options, on machines of the same
/// kind. The folder is then what one run of `splade encode` leaves.
#[derive(Debug, clap::Args)]
pub(crate) struct FinishArgs {
    /// The folder of the plan.
    #[arg(value_name = "FOLDER")]
    pub(crate) folder: PathBuf,

    /// Read all parts and compare their checksums.
    #[arg(long)]
    pub(crate) verify: bool,

    /// Accept parts of different device kinds, precisions, instruction sets, threads or token
    /// budgets: their vectors agree to rounding only.
    #[arg(long)]
    pub(crate) allow_mixed: bool,

    /// No summary on standard error.
    #[arg(short, long)]
    pub(crate) quiet: bool,
}
