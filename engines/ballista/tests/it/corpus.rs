//! A corpus of 1,200 texts in 12 units, and the folder that one process makes of it.

use std::collections::BTreeMap;
use std::fs;
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::SystemTime;

use serde_json::Value;
use splade::SparseEncoder;
use splade::corpus::{
    CorpusReader, FinishOptions, PartTaskOptions, PartTasks, Plan, PlanOptions, ReadOptions,
    VectorFormat, VectorSettings, finish_plan,
};

use crate::cluster::Cluster;

pub(crate) const ROWS_PER_PART: usize = 100;
pub(crate) const N_UNITS: usize = 12;
/// It takes long enough to be killed within it.
pub(crate) const LONG_UNIT: u64 = 3;

fn line(row: usize) -> String {
    let n_times = if (row / ROWS_PER_PART) as u64 == LONG_UNIT { 60 } else { 1 };
    let text = format!("The river {} runs through town {row}. ", row % 7).repeat(n_times);
    format!("{}\n", serde_json::json!({ "id": format!("d{row}"), "text": text }))
}

/// A planned corpus in a folder of its own.
pub(crate) struct Case {
    folder: tempfile::TempDir,
}

impl Case {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    /// A corpus whose lines were changed.
    pub(crate) fn with(change: impl FnOnce(&mut Vec<String>)) -> Self {
        let mut lines: Vec<String> = (0..ROWS_PER_PART * N_UNITS).map(line).collect();
        change(&mut lines);
        Self::of(&lines, ROWS_PER_PART)
    }

    /// A corpus of these lines.
    pub(crate) fn of(lines: &[String], rows_per_part: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let case = Self { folder };
        fs::write(case.input(), lines.concat()).unwrap();
        let mut settings = VectorSettings::default();
        settings.task = Some("document".to_owned());
        let options = PlanOptions::new(VectorFormat::JsonLines)
            .with_rows_per_part(NonZeroU64::new(rows_per_part as u64).unwrap())
            .with_options(serde_json::to_value(settings).unwrap());
        let reader = CorpusReader::open(&[case.input()], ReadOptions::default()).unwrap();
        Plan::create(&case.output(), reader, &options).unwrap();
        case
    }

    pub(crate) fn input(&self) -> PathBuf {
        self.folder.path().join("corpus.jsonl")
    }

    /// The folder of the parts; its name has what would be a pattern in a path.
    pub(crate) fn output(&self) -> PathBuf {
        self.folder.path().join("out [1] %20")
    }

    pub(crate) fn n_receipts(&self) -> usize {
        names(&self.output()).iter().filter(|name| name.ends_with(".receipt.json")).count()
    }

    /// The number of the attempt that made a unit.
    pub(crate) fn attempt(&self, unit: u64) -> u64 {
        let path = self.output().join(format!("part-{unit:05}.receipt.json"));
        json(&path)["attempt"]["number"].as_u64().unwrap()
    }

    pub(crate) fn part(&self, unit: u64) -> PathBuf {
        self.output().join(format!("part-{unit:05}.jsonl"))
    }

    pub(crate) fn receipt(&self, unit: u64) -> PathBuf {
        self.output().join(format!("part-{unit:05}.receipt.json"))
    }

    /// When each part that counts was made.
    pub(crate) fn made(&self) -> BTreeMap<u64, SystemTime> {
        let units = (0..N_UNITS as u64).filter(|unit| self.receipt(*unit).exists());
        units
            .map(|unit| (unit, fs::metadata(self.part(unit)).unwrap().modified().unwrap()))
            .collect()
    }

    /// Whether the parts of `before` are still the same files.
    pub(crate) fn kept(&self, before: &BTreeMap<u64, SystemTime>) {
        let now = self.made();
        for (unit, made) in before {
            assert_eq!(now[unit], *made, "unit {unit} was made again");
        }
    }

    /// Every part with the bytes of one process, its manifest, and nothing left over.
    pub(crate) fn check(&self, cluster: &Cluster) {
        static TRUTH: OnceLock<Truth> = OnceLock::new();
        let truth = TRUTH.get_or_init(|| Truth::of(&Self::new(), crate::TINY));
        assert_eq!(truth.parts.len(), N_UNITS);
        self.check_with(truth, cluster);
    }

    pub(crate) fn check_with(&self, truth: &Truth, cluster: &Cluster) {
        let output = self.output();
        assert_eq!(json(&output.join("manifest.json")), truth.manifest, "{}", cluster.logs());
        for (name, bytes) in &truth.parts {
            assert!(fs::read(output.join(name)).unwrap() == *bytes, "{name} has other bytes");
        }
        let hidden: Vec<String> =
            names(&output).into_iter().filter(|name| name.starts_with('.')).collect();
        assert_eq!(hidden, [""; 0]);
        assert_eq!(self.n_receipts(), truth.parts.len());
    }
}

pub(crate) fn names(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    names.map(|name| name.into_string().unwrap()).collect()
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// The parts and the manifest that one process makes.
pub(crate) struct Truth {
    parts: BTreeMap<String, Vec<u8>>,
    manifest: Value,
}

impl Truth {
    /// Encodes a planned folder, one unit after another.
    pub(crate) fn of(case: &Case, model: &str) -> Self {
        let folder = case.output();
        let encoder = SparseEncoder::builder().threads(NonZeroUsize::MIN).load(model).unwrap();
        let tasks = PartTasks::open(&folder, &encoder, &PartTaskOptions::new(model)).unwrap();
        let units = tasks.plan().units(&folder).unwrap();
        for unit in &units {
            tasks.encode_part(unit, 1).unwrap();
        }
        finish_plan(&folder, FinishOptions::default()).unwrap();
        let parts = units.iter().map(|unit| unit.part.clone());
        let parts = parts.map(|name| (name.clone(), fs::read(folder.join(name)).unwrap()));
        Self { parts: parts.collect(), manifest: json(&folder.join("manifest.json")) }
    }

    pub(crate) fn n_weights(&self) -> u64 {
        self.manifest["totals"]["weights"].as_u64().unwrap()
    }
}
