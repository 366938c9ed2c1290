//! Arguments of `splade encode-part`, and how units are named.

use std::num::NonZeroU64;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;

use super::RunArgs;

/// Encode units of a planned corpus: each makes one part.
///
/// A part that is there already is not made again, so running this again resumes. A unit may be
/// killed at any moment, tried again, and run twice at once: its part has the same bytes, on
/// machines of the same kind.
#[derive(Debug, clap::Args)]
pub(crate) struct EncodePartArgs {
    /// The folder of the plan.
    #[arg(value_name = "FOLDER")]
    pub(crate) folder: PathBuf,

    /// Numbers of units, or ranges of them: 3 8-15.
    #[arg(value_name = "UNIT", required_unless_present_any = ["all", "share"])]
    pub(crate) units: Vec<Units>,

    /// All units.
    #[arg(long, conflicts_with_all = ["units", "share"])]
    pub(crate) all: bool,

    /// One of N equal shares of all units: 1/3, 2/3, 3/3.
    #[arg(long, value_name = "I/N", conflicts_with = "units")]
    pub(crate) share: Option<Share>,

    /// The model: a folder, or an id on the Hugging Face hub (naver/splade-v3).
    #[arg(short, long, value_name = "MODEL")]
    pub(crate) model: PathBuf,

    /// How often these units were begun, this time included, if you know: for the receipts.
    #[arg(long, value_name = "N", default_value = "1")]
    pub(crate) attempt: u32,

    /// Print the receipt of each unit, as JSON lines.
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) run: RunArgs,
}

/// Consecutive units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Units(pub(crate) RangeInclusive<u64>);

impl FromStr for Units {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parse = |number: &str| {
            let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
            number.parse().ok().filter(|_| is_number)
        };
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        match (parse(first), parse(last)) {
            (Some(first), Some(last)) if first <= last => Ok(Self(first..=last)),
            _ => Err("expected a number, or two with a hyphen between: 8-15".to_owned()),
        }
    }
}

/// One of several equal shares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Share {
    /// Which, from 0.
    idx: u64,
    n_shares: NonZeroU64,
}

impl Share {
    /// Whether a unit belongs to it.
    pub(crate) fn has(self, unit: u64) -> bool {
        unit % self.n_shares == self.idx
    }
}

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('/').and_then(|(number, n_shares)| {
            Some((number.parse::<u64>().ok()?, n_shares.parse::<NonZeroU64>().ok()?))
        });
        match parts {
            Some((number, n_shares)) if (1..=n_shares.get()).contains(&number) => {
                Ok(Self { idx: number - 1, n_shares })
            }
            _ => Err("expected 1/3, 2/3 or 3/3, for example".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_numbers_and_ranges() {
        let parse = |text: &str| text.parse::<Units>().ok().map(|units| units.0);
        assert_eq!(parse("7"), Some(7..=7));
        assert_eq!(parse("8-15"), Some(8..=15));
        for wrong in ["", "-", "3-", "-3", "5-4", "+1", "a", "1-2-3"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn every_unit_is_in_one_share() {
        let shares = ["1/3", "2/3", "3/3"].map(|text| text.parse::<Share>().unwrap());
        for unit in 0..10 {
            assert_eq!(shares.iter().filter(|share| share.has(unit)).count(), 1);
        }
        for wrong in ["0/3", "4/3", "1/0", "1", "/", "1/x"] {
            assert!(wrong.parse::<Share>().is_err(), "{wrong}");
        }
    }
}
