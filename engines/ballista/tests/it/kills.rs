//! Clusters whose processes are killed: the parts are those of one process.

use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::cluster::{Cluster, Deaths, Executor, wait_until};
use crate::corpus::{Case, LONG_UNIT, N_UNITS};

#[test]
fn three_executors_make_the_parts_of_one_process() {
    let (cluster, case) = (Cluster::start(3, Deaths::Late), Case::new());
    cluster.encode(&case.output());
    case.check(&cluster);
    // The long unit keeps one of them; the others are shared.
    let shares: Vec<usize> = cluster.executors.iter().map(|one| one.ended().len()).collect();
    assert_eq!(shares.iter().sum::<usize>(), N_UNITS, "{shares:?}");
    assert!(shares.iter().all(|share| *share > 0), "{shares:?}");
    // Once more is a check.
    let before = case.made();
    cluster.encode(&case.output());
    case.kept(&before);
}

#[test]
fn an_executor_is_killed_in_the_middle_of_a_unit() {
    let (mut cluster, case) = (Cluster::start(3, Deaths::Soon), Case::new());
    let submitted = cluster.submit(&case.output(), &[]);
    cluster.kill_at_long_unit();
    submitted.succeeds(&cluster);
    case.check(&cluster);
    assert_eq!(case.attempt(LONG_UNIT), 2);
}

#[test]
fn an_executor_is_killed_between_a_part_and_its_receipt() {
    let (mut cluster, case) = (Cluster::start(1, Deaths::Soon), Case::new());
    let submitted = cluster.submit(&case.output(), &[]);
    // The moment is short: where it is missed, the next unit has another.
    let mut hit = None;
    for n_kills in 1..=N_UNITS {
        let next =
            (0..N_UNITS as u64).filter(|unit| !case.part(*unit).exists()).collect::<Vec<_>>();
        let start = Instant::now();
        let published = loop {
            if let Some(unit) = next.iter().find(|unit| case.part(**unit).exists()) {
                break *unit;
            }
            assert!(start.elapsed() < Duration::from_secs(120), "{}", cluster.logs());
        };
        cluster.kill(0);
        cluster.add(&[]);
        if !case.receipt(published).exists() {
            println!("{n_kills} kills");
            hit = Some(published);
            break;
        }
    }
    let hit = hit.expect("an executor killed between a part and its receipt");
    submitted.succeeds(&cluster);
    case.check(&cluster);
    assert_eq!(case.attempt(hit), 2);
}

#[test]
fn all_executors_are_killed_and_others_make_what_is_missing() {
    let (mut cluster, case) = (Cluster::start(3, Deaths::Soon), Case::new());
    let submitted = cluster.submit(&case.output(), &[]);
    wait_until("three receipts", || case.n_receipts() >= 3);
    cluster.kill_executors();
    let took = submitted.fails(&cluster, &["units have no part yet"]);
    assert!(took < Duration::from_secs(120), "{took:?}");
    assert!(!case.output().join("manifest.json").exists());
    let before = case.made();
    assert!(before.len() < N_UNITS);
    cluster.add(&[]);
    cluster.add(&[]);
    cluster.encode(&case.output());
    case.kept(&before);
    case.check(&cluster);
}

#[test]
fn the_scheduler_is_killed_and_another_makes_what_is_missing() {
    let (mut cluster, case) = (Cluster::start(3, Deaths::Late), Case::new());
    let submitted = cluster.submit(&case.output(), &[]);
    wait_until("three receipts", || case.n_receipts() >= 3);
    cluster.kill_scheduler();
    let took = submitted.fails(&cluster, &["units have no part yet"]);
    assert!(took < Duration::from_secs(120), "{took:?}");
    // The executors find it by themselves.
    cluster.start_scheduler();
    let before = case.made();
    cluster.encode(&case.output());
    case.kept(&before);
    case.check(&cluster);
}

#[test]
fn the_driver_is_killed_and_started_again() {
    let (cluster, case) = (Cluster::start(3, Deaths::Late), Case::new());
    let mut submitted = cluster.submit(&case.output(), &["--units-per-wave=5"]);
    wait_until("three receipts", || case.n_receipts() >= 3);
    submitted.kill();
    assert!(!case.output().join("manifest.json").exists());
    let before = case.made();
    cluster.encode(&case.output());
    case.kept(&before);
    case.check(&cluster);
}

#[test]
fn two_drivers_at_once_make_one_folder() {
    let (cluster, case) = (Cluster::start(3, Deaths::Late), Case::new());
    let both = [cluster.submit(&case.output(), &[]), cluster.submit(&case.output(), &[])];
    for submitted in both {
        submitted.succeeds(&cluster);
    }
    case.check(&cluster);
    let n_begun: usize = cluster.executors.iter().map(|one| one.begun().len()).sum();
    println!("{n_begun} units were begun, of {N_UNITS}");
}

#[test]
fn executors_that_stand_still_are_taken_for_dead_and_the_last_one_does_their_work() {
    let (mut cluster, case) = (Cluster::start(3, Deaths::Soon), Case::new());
    let submitted = cluster.submit(&case.output(), &[]);
    wait_until("three receipts", || case.n_receipts() >= 3);
    for executor in &cluster.executors[..2] {
        executor.signal("-STOP");
    }
    // Longer than it takes to be taken for dead.
    sleep(Duration::from_secs(25));
    for executor in &cluster.executors[..2] {
        executor.signal("-CONT");
    }
    submitted.succeeds(&cluster);
    case.check(&cluster);
    // The scheduler tells them to end, once they hear it.
    wait_until("the end of both", || !cluster.executors[..2].iter_mut().any(Executor::is_running));
    let peak = cluster.executors[2].peak_mib();
    println!("a peak of {peak} MiB");
    assert!(peak < 1024, "{peak} MiB");
}
