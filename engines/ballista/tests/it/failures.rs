//! Units that cannot be made: the job ends, names them, and keeps the rest.

use std::fs;

use crate::cluster::{Cluster, Deaths};
use crate::corpus::{Case, N_UNITS, ROWS_PER_PART, names};

#[test]
fn a_text_that_cannot_be_read_ends_the_job_with_unit_and_line() {
    let case = Case::with(|lines| {
        lines[7 * ROWS_PER_PART + 42] = "{\"id\": \"bad\", \"text\": 3}\n".to_owned();
    });
    let cluster = Cluster::start(2, Deaths::Late);
    let submitted = cluster.submit(&case.output(), &[]);
    submitted.fails(&cluster, &["unit 7 (part-00007.jsonl)", "corpus.jsonl, line 743"]);
    // It is not tried again: nothing would change.
    let n_begun = cluster.executors.iter().flat_map(|one| one.begun()).filter(|unit| *unit == 7);
    assert_eq!(n_begun.count(), 1);
    assert!(!case.part(7).exists());
    assert!(!case.output().join("manifest.json").exists());
}

#[test]
fn a_unit_that_kills_its_executors_is_named_and_the_rest_is_kept() {
    let (mut cluster, case) = (Cluster::start(3, Deaths::Soon), Case::new());
    let submitted = cluster.submit(&case.output(), &["--max-attempts=2"]);
    for _ in 0..2 {
        cluster.kill_at_long_unit();
    }
    submitted.fails(&cluster, &["unit 3 of", "was begun 2 times and never finished"]);
    assert!(!case.output().join("manifest.json").exists());
    // Once nothing kills them any more, running it again makes what is missing.
    let before = case.made();
    cluster.encode(&case.output());
    case.kept(&before);
    case.check(&cluster);
}

#[test]
fn a_disk_that_is_full_is_tried_four_times_and_named() {
    let (mut cluster, case) = (Cluster::start(0, Deaths::Late), Case::new());
    // The largest file that a process may write, in blocks of 1 KiB: results fit, parts do not. The
    // signal that comes with it would end the process.
    cluster.add(&["trap '' XFSZ", "ulimit -f 16"]);
    let submitted = cluster.submit(&case.output(), &["--max-attempts=9"]);
    submitted.fails(&cluster, &["failed 4 times", "unit ", "cannot write"]);
    assert_eq!(case.n_receipts(), 0);
    let parts = names(&case.output()).into_iter().filter(|name| name.starts_with("part-"));
    assert_eq!(parts.count(), 0);
    // Elsewhere there is room.
    cluster.kill_executors();
    cluster.add(&[]);
    cluster.encode(&case.output());
    case.check(&cluster);
}

#[test]
fn a_plan_that_is_missing_and_a_model_that_is_missing_are_named() {
    let (cluster, case) = (Cluster::start(1, Deaths::Late), Case::new());
    let nowhere = case.output().join("nowhere");
    cluster.submit(&nowhere, &[]).fails(&cluster, &["has no plan.json", "splade plan"]);
    let submitted = cluster.submit(&case.output(), &["--device=tpu"]);
    submitted.fails(&cluster, &["unknown device `tpu`"]);
    fs::remove_file(case.output().join("units.jsonl")).unwrap();
    cluster.submit(&case.output(), &[]).fails(&cluster, &["units.jsonl"]);
    assert_eq!(case.made().len(), 0, "of {N_UNITS}");
}
