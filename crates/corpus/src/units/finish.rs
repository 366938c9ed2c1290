//! The end of a plan: the manifest, once every unit has its part.

use std::path::Path;

use crate::parts::{MANIFEST, difference};
use crate::{CorpusError, Difference, Manifest, UnitError};

use super::{LocalFolder, Machine, Plan, PlannedFolder, Receipt, Unit};

/// Receipts that are held in memory as text.
const RECEIPTS_AT_ONCE: usize = 1024;

/// How parts are checked before they count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Verification {
    /// By their sizes.
    #[default]
    Sizes,
    /// By their checksums too: all parts are read.
    Checksums,
}

/// Whether parts may come from machines whose vectors differ in their last bits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mixtures {
    /// An error.
    #[default]
    Refused,
    /// As they are; the manifest lists what was mixed.
    Allowed,
}

/// How a plan is finished.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FinishOptions {
    /// How parts are checked. Default: by their sizes.
    pub verification: Verification,
    /// Whether machines may differ. Default: they may not.
    pub mixtures: Mixtures,
}

impl FinishOptions {
    /// Sets [`verification`](Self::verification).
    #[must_use]
    pub fn with_verification(mut self, verification: Verification) -> Self {
        self.verification = verification;
        self
    }

    /// Sets [`mixtures`](Self::mixtures).
    #[must_use]
    pub fn with_mixtures(mut self, mixtures: Mixtures) -> Self {
        self.mixtures = mixtures;
        self
    }
}

/// Checks that every unit has its part, all made with equal settings, and writes the manifest: the
/// folder is then what one run of [`PartsWriter`](crate::PartsWriter) leaves, beside the files of
/// the plan. Running it again changes nothing.
///
/// # Errors
/// [`UnitError::Missing`] with the units, [`UnitError::SettingsDiffer`], [`UnitError::Mixed`],
/// damaged or foreign files by name, parts whose size or checksum is another.
pub fn finish_plan(folder: &Path, options: FinishOptions) -> Result<Manifest, CorpusError> {
    finish_plan_in(&LocalFolder::new(folder), options)
}

/// Like [`finish_plan`], in a folder of any place.
///
/// # Errors
/// As [`finish_plan`], and those of the place.
pub fn finish_plan_in(
    folder: &dyn PlannedFolder,
    options: FinishOptions,
) -> Result<Manifest, CorpusError> {
    let plan = Plan::load_in(folder)?;
    let receipts = receipts(folder, &plan)?;
    let first = &receipts[0];
    for receipt in &receipts[1..] {
        receipt.check_settings(folder.path(), &first.settings, &first.part.file)?;
        if options.mixtures == Mixtures::Refused {
            check_machines(first, receipt)?;
        }
    }
    let machines = receipts.iter().map(|receipt| &receipt.machine);
    let settings = Machine::manifest_settings(&first.settings, machines);
    let vectors = plan.vectors(first.dimension);
    let mut manifest = Manifest::new(
        vectors.format,
        &plan.compression,
        vectors.dimension,
        vectors.quantization_factor.get(),
        plan.rows_per_part.get(),
        settings,
    );
    for receipt in receipts {
        manifest.push(receipt.part);
    }
    manifest.complete = true;
    if options.verification == Verification::Checksums {
        for part in &manifest.parts {
            let path = folder.file(&part.file);
            let (_, found) = folder.checksum(&part.file).map_err(CorpusError::read(&path))?;
            part.check(&path, found)?;
        }
    }
    match folder.read_file(MANIFEST)? {
        None => folder.publish_json(MANIFEST, &manifest)?,
        Some(json) if Manifest::parse(folder.path(), &json)? == manifest => {}
        Some(_) => {
            let path = folder.file(MANIFEST);
            return Err(CorpusError::Unit(UnitError::OtherManifest { path }));
        }
    }
    // Only now: before, they may be a part at work on a machine whose locks are not seen here.
    folder.tidy();
    Ok(manifest)
}

/// The receipts of all units, in order, whose parts are there with their sizes.
fn receipts(folder: &dyn PlannedFolder, plan: &Plan) -> Result<Vec<Receipt>, CorpusError> {
    let units = plan.units_in(folder)?;
    let sizes = folder.sizes().map_err(CorpusError::read(folder.path()))?;
    let mut receipts = Vec::with_capacity(units.len());
    let mut missing = Vec::new();
    for units in units.chunks(RECEIPTS_AT_ONCE) {
        let names: Vec<String> = units.iter().map(Receipt::name).collect();
        let found = folder.read_all(&names).map_err(CorpusError::read(folder.path()))?;
        for (unit, json) in units.iter().zip(found) {
            let receipt = json.map(|json| Receipt::parse(folder, unit, &json)).transpose()?;
            let is_there =
                |receipt: &Receipt| sizes.get(&receipt.part.file) == Some(&receipt.part.bytes);
            match receipt.filter(is_there) {
                Some(receipt) => receipts.push(receipt),
                None => missing.push(unit),
            }
        }
    }
    match missing.is_empty() {
        true => Ok(receipts),
        false => Err(CorpusError::Unit(UnitError::Missing {
            folder: folder.path().to_owned(),
            n_missing: missing.len() as u64,
            n_units: plan.n_units,
            units: ranges(&missing),
        })),
    }
}

/// Refuses parts of different machines.
fn check_machines(first: &Receipt, second: &Receipt) -> Result<(), CorpusError> {
    match difference("", &first.machine.compared(), &second.machine.compared()) {
        None => Ok(()),
        Some(found) => Err(CorpusError::Unit(UnitError::Mixed {
            first: first.part.file.clone(),
            second: second.part.file.clone(),
            difference: Difference::of(found),
        })),
    }
}

/// The numbers of units as ranges: `3,7-9`.
fn ranges(units: &[&Unit]) -> String {
    /// More would fill the screen.
    const MOST: usize = 20;
    let mut ranges: Vec<(u64, u64)> = Vec::new();
    for unit in units {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == unit.number => *last = unit.number,
            _ => ranges.push((unit.number, unit.number)),
        }
    }
    let shown = ranges.iter().take(MOST).map(|(first, last)| match first == last {
        true => first.to_string(),
        false => format!("{first}-{last}"),
    });
    let mut shown = shown.collect::<Vec<_>>().join(",");
    if ranges.len() > MOST {
        shown.push_str(",...");
    }
    shown
}
