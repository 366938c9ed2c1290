//! Errors about plans, units and receipts.

use std::path::{Path, PathBuf};

use splade_output::shown;

use crate::InputChange;

/// Why a corpus cannot be planned, a unit encoded, or a plan finished.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UnitError {
    /// An input that other processes cannot read.
    #[error("{} is a stream: a plan needs files, which every worker opens", shown(.path))]
    #[non_exhaustive]
    Stream {
        /// The input.
        path: PathBuf,
    },
    /// A path that JSON cannot hold.
    #[error("{} is not UTF-8: a plan cannot name it; rename the file", shown(.path))]
    #[non_exhaustive]
    PathNotText {
        /// The file.
        path: PathBuf,
    },
    /// There is nothing to plan.
    #[error("the input has no records: there is nothing to plan")]
    NoRecords,
    /// A folder without a plan.
    #[error("{} has no plan.json: make one with `splade plan`", shown(.folder))]
    #[non_exhaustive]
    NoPlan {
        /// The folder.
        folder: PathBuf,
    },
    /// A folder with the plan of something else.
    #[error("{} has another plan: {difference}; name another folder", shown(.folder))]
    #[non_exhaustive]
    OtherPlan {
        /// The folder.
        folder: PathBuf,
        /// The first difference.
        difference: Box<Difference>,
    },
    /// A file of a plan is damaged.
    #[error("{} is damaged: plan again, in another folder", shown(.path))]
    #[non_exhaustive]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the parser says.
        #[source]
        source: serde_json::Error,
    },
    /// A plan of another version of the program.
    #[error(
        "{} was made by another version of this program: plan again, in another folder",
        shown(.path)
    )]
    #[non_exhaustive]
    Version {
        /// The file.
        path: PathBuf,
    },
    /// The units are not those of the plan.
    #[error(
        "{} is not the list that the plan has: it was changed, or lines are missing or doubled; \
         plan again, in another folder", shown(.path)
    )]
    #[non_exhaustive]
    OtherUnits {
        /// The file.
        path: PathBuf,
    },
    /// A unit that the plan does not have.
    #[error("{} has no unit {number}: there are {n_units}, numbered from 0", shown(.folder))]
    #[non_exhaustive]
    NoUnit {
        /// The folder.
        folder: PathBuf,
        /// What was asked for.
        number: u64,
        /// Number of units.
        n_units: u64,
    },
    /// A unit of another plan.
    #[error("unit {number} is not of the plan in {}: use the units.jsonl there", shown(.folder))]
    #[non_exhaustive]
    OtherUnit {
        /// The folder.
        folder: PathBuf,
        /// The unit's number.
        number: u64,
    },
    /// An input has changed since it was planned.
    #[error(
        "{} has changed since it was planned: {change}; put it back as it was, or plan again in \
         another folder", shown(.path)
    )]
    #[non_exhaustive]
    InputChanged {
        /// The file.
        path: PathBuf,
        /// How.
        change: InputChange,
    },
    /// A receipt is damaged.
    #[error("{} is damaged: remove it, and encode the part again", shown(.path))]
    #[non_exhaustive]
    Receipt {
        /// The file.
        path: PathBuf,
        /// What the parser says.
        #[source]
        source: serde_json::Error,
    },
    /// A receipt is of another unit, or does not fit it.
    #[error(
        "{} is not of this plan's unit: remove it, and encode the part again", shown(.path)
    )]
    #[non_exhaustive]
    OtherReceipt {
        /// The file.
        path: PathBuf,
    },
    /// Parts were made with different settings.
    #[error(
        "{} was made with other settings than {other}: {difference}; remove the receipt of the \
         wrong one, and encode it again", shown(.path)
    )]
    #[non_exhaustive]
    SettingsDiffer {
        /// The receipt.
        path: PathBuf,
        /// What it is compared with: another part, or this run.
        other: String,
        /// The first difference: in the receipt, and in the other.
        difference: Box<Difference>,
    },
    /// Parts were made on machines whose vectors may differ in their last bits.
    #[error(
        "{first} and {second} were made on different machines: {difference}; their vectors agree to \
         rounding only. Encode one of them again on the other machine, or accept the mixture \
         (--allow-mixed)"
    )]
    #[non_exhaustive]
    Mixed {
        /// A part.
        first: String,
        /// Another part.
        second: String,
        /// The first difference: of the first part, and of the second.
        difference: Box<Difference>,
    },
    /// Some units have no part yet.
    #[error(
        "{n_missing} of {n_units} parts are missing in {}: units {units}; encode them \
         (`splade encode-part`)", shown(.folder)
    )]
    #[non_exhaustive]
    Missing {
        /// The folder.
        folder: PathBuf,
        /// Number of units without a part.
        n_missing: u64,
        /// Number of units.
        n_units: u64,
        /// Their numbers, as ranges; the first ones if there are many.
        units: String,
    },
    /// The folder has a manifest of something else.
    #[error("{} is not the manifest of this plan: name another folder", shown(.path))]
    #[non_exhaustive]
    OtherManifest {
        /// The manifest.
        path: PathBuf,
    },
}

/// A value that is not the same in two places.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{key}` was {then}, and is {now}")]
#[non_exhaustive]
pub struct Difference {
    /// Its name, with dots between the levels.
    pub key: String,
    /// The one value, as JSON.
    pub then: String,
    /// The other value, as JSON.
    pub now: String,
}

impl Difference {
    pub(crate) fn of((key, then, now): (String, String, String)) -> Box<Self> {
        Box::new(Self { key, then, now })
    }
}

impl UnitError {
    /// An error about a receipt that is not the one that was expected.
    #[must_use]
    pub fn other_receipt(path: PathBuf) -> Self {
        Self::OtherReceipt { path }
    }

    /// An error about the options that `plan.json` keeps for the caller.
    #[must_use]
    pub fn damaged(folder: &Path, source: serde_json::Error) -> Self {
        Self::Damaged { path: folder.join("plan.json"), source }
    }
}
