//! Whether the kernel's results can be trusted: each kind of product is computed once in both ways,
//! and compared, under a deadline. What computes is a trait, so all of this runs without a card.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::product::Verdict;

/// One kind of product on a small random input.
pub(crate) trait Trial {
    /// For messages.
    fn name(&self) -> String;

    /// By the kernel, and by CubeCL's products.
    fn compute(&self) -> Result<Both, String>;

    /// The largest allowed difference from an expected number.
    fn bound(&self, expected: f32) -> f32;
}

/// The results of a trial.
#[derive(Clone, Debug, Default)]
pub(crate) struct Both {
    pub(crate) found: Vec<f32>,
    pub(crate) expected: Vec<f32>,
}

/// What the checks of a process found. One failure refuses the kernel for all that comes.
#[derive(Debug)]
pub(crate) struct Ledger<K> {
    verdicts: Mutex<BTreeMap<K, Verdict>>,
    has_failed: AtomicBool,
}

impl<K: Ord> Ledger<K> {
    pub(crate) const fn new() -> Self {
        Self { verdicts: Mutex::new(BTreeMap::new()), has_failed: AtomicBool::new(false) }
    }

    /// Whether no check has failed.
    pub(crate) fn is_trusted(&self) -> bool {
        !self.has_failed.load(Ordering::Relaxed)
    }

    /// The verdict on `key`: that of its first check, which this call makes if there was none.
    /// Checks wait for each other.
    pub(crate) fn settle(&self, key: K, check: impl FnOnce() -> Result<(), String>) -> Verdict {
        let mut verdicts = self.verdicts.lock().unwrap_or_else(PoisonError::into_inner);
        let refused = verdicts.values().find(|verdict| matches!(verdict, Verdict::Refused { .. }));
        if let Some(known) = refused.or_else(|| verdicts.get(&key)) {
            return known.clone();
        }
        let start = Instant::now();
        let verdict = match check() {
            Ok(()) => Verdict::Proven { seconds: start.elapsed().as_secs_f64() },
            Err(why) => {
                self.has_failed.store(true, Ordering::Relaxed);
                Verdict::Refused { why }
            }
        };
        verdicts.insert(key, verdict.clone());
        verdict
    }

    /// Refuses the kernel, for a reason that came to light outside of a check.
    pub(crate) fn refuse(&self, key: K, why: String) {
        let mut verdicts = self.verdicts.lock().unwrap_or_else(PoisonError::into_inner);
        self.has_failed.store(true, Ordering::Relaxed);
        verdicts.insert(key, Verdict::Refused { why });
    }

    /// Why the kernel is refused, if it is.
    pub(crate) fn refusal(&self) -> Option<String> {
        let verdicts = self.verdicts.lock().unwrap_or_else(PoisonError::into_inner);
        verdicts.values().find_map(|verdict| match verdict {
            Verdict::Refused { why } => Some(why.clone()),
            Verdict::Proven { .. } => None,
        })
    }
}

/// Runs all trials. If they are not done by the deadline, `expire` is called on another thread,
/// with the name of the trial that runs: a kernel that hangs cannot be stopped from here.
///
/// # Errors
/// The first trial that failed, panicked, or gave other results.
pub(crate) fn check(
    trials: &[Box<dyn Trial>],
    deadline: Duration,
    expire: impl FnOnce(&str) + Send,
) -> Result<(), String> {
    thread::scope(|scope| {
        let (sender, receiver) = channel::<String>();
        scope.spawn(move || {
            let end = Instant::now() + deadline;
            let mut running = String::new();
            loop {
                match receiver.recv_timeout(end.saturating_duration_since(Instant::now())) {
                    Ok(name) => running = name,
                    Err(RecvTimeoutError::Disconnected) => return,
                    Err(RecvTimeoutError::Timeout) => return expire(&running),
                }
            }
        });
        run(trials, &sender)
    })
}

fn run(trials: &[Box<dyn Trial>], running: &Sender<String>) -> Result<(), String> {
    for trial in trials {
        let name = trial.name();
        // If the receiver is gone, the deadline has passed, and the process is about to end.
        let _ = running.send(name.clone());
        let both = catch_unwind(AssertUnwindSafe(|| trial.compute()));
        let both = both.map_err(|panic| format!("{name}: {}", said(&*panic)))?;
        let both = both.map_err(|why| format!("{name}: {why}"))?;
        compare(&both, |expected| trial.bound(expected)).map_err(|why| format!("{name}: {why}"))?;
    }
    Ok(())
}

/// What a panic said.
fn said(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    format!("it panicked: {}", text.unwrap_or("without a message"))
}

/// NaN equals NaN here, and nothing else.
fn compare(both: &Both, bound: impl Fn(f32) -> f32) -> Result<(), String> {
    let Both { found, expected } = both;
    if found.len() != expected.len() {
        return Err(format!("{} numbers instead of {}", found.len(), expected.len()));
    }
    let is_equal = |(found, expected): (&f32, &f32)| match (found.is_nan(), expected.is_nan()) {
        (false, false) => found == expected || (found - expected).abs() <= bound(*expected),
        (found, expected) => found == expected,
    };
    let wrong = found.iter().zip(expected).filter(|pair| !is_equal(*pair)).count();
    match found.iter().zip(expected).position(|pair| !is_equal(pair)) {
        None => Ok(()),
        Some(at) => Err(format!(
            "{wrong} of {} numbers are wrong; number {at} is {}, expected {} within {:e}",
            found.len(),
            found[at],
            expected[at],
            bound(expected[at]),
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// Computes what the closure says.
    struct Fixed<F>(F);

    impl<F: Fn() -> Result<Both, String>> Trial for Fixed<F> {
        fn name(&self) -> String {
            "bias".to_owned()
        }

        fn compute(&self) -> Result<Both, String> {
            (self.0)()
        }

        fn bound(&self, expected: f32) -> f32 {
            0.1 * expected.abs()
        }
    }

    fn checked(compute: impl Fn() -> Result<Both, String> + 'static) -> Result<(), String> {
        let expire = |_: &str| panic!("an hour has passed");
        check(&[Box::new(Fixed(compute))], Duration::from_secs(3600), expire)
    }

    fn gives(found: &[f32], expected: &[f32]) -> Result<(), String> {
        let both = Both { found: found.to_vec(), expected: expected.to_vec() };
        checked(move || Ok(both.clone()))
    }

    #[test]
    fn results_within_the_bound_are_right() {
        let (nan, infinity) = (f32::NAN, f32::INFINITY);
        assert_eq!(
            gives(&[1.05, -2.1, nan, infinity, 0.0], &[1.0, -2.0, nan, infinity, 0.0]),
            Ok(())
        );
    }

    #[test]
    fn results_beyond_the_bound_are_named() {
        let why = gives(&[1.0, 1.2, 1.0], &[1.0, 1.0, 1.0]).unwrap_err();
        assert!(why.starts_with("bias: 1 of 3 numbers are wrong; number 1 is 1.2"), "{why}");
        for (found, expected) in [(f32::NAN, 1.0), (1.0, f32::NAN), (f32::INFINITY, 1.0)] {
            assert!(gives(&[found], &[expected]).is_err(), "{found} for {expected}");
        }
        assert!(gives(&[1.0], &[1.0, 1.0]).unwrap_err().contains("1 numbers instead of 2"));
    }

    #[test]
    fn a_failure_and_a_panic_are_reasons() {
        let failed = checked(|| Err("cannot compile".to_owned()));
        assert_eq!(failed, Err("bias: cannot compile".to_owned()));
        let panicked = checked(|| panic!("no such kernel"));
        assert_eq!(panicked, Err("bias: it panicked: no such kernel".to_owned()));
    }

    #[test]
    fn a_trial_that_hangs_expires_with_its_name() {
        let (expired, wait) = mpsc::channel();
        let wait = Mutex::new(wait);
        // Hangs until the deadline has passed, as a process would until it is ended.
        let hangs = move || {
            let name: String = wait.lock().unwrap().recv().unwrap();
            Err(format!("{name} expired"))
        };
        let result = check(&[Box::new(Fixed(hangs))], Duration::ZERO, move |name| {
            expired.send(format!("<{name}>")).unwrap();
        });
        // With no time at all, the name may not have been told yet.
        let possible = ["<bias> expired", "<> expired"].map(|why| Err(format!("bias: {why}")));
        assert!(possible.contains(&result), "{result:?}");
    }

    #[test]
    fn a_card_is_checked_once() {
        let ledger = Ledger::new();
        let first = ledger.settle("first", || Ok(()));
        assert!(matches!(first, Verdict::Proven { .. }));
        assert_eq!(ledger.settle("first", || panic!("checked again")), first);
        assert!(ledger.is_trusted() && ledger.refusal().is_none());
    }

    #[test]
    fn a_failure_is_for_all_cards_and_for_good() {
        let ledger = Ledger::new();
        ledger.settle("first", || Ok(()));
        let refused = Verdict::Refused { why: "wrong".to_owned() };
        assert_eq!(ledger.settle("second", || Err("wrong".to_owned())), refused);
        for card in ["first", "second", "third"] {
            assert_eq!(ledger.settle(card, || panic!("checked again")), refused);
        }
        assert!(!ledger.is_trusted());
        assert_eq!(ledger.refusal().as_deref(), Some("wrong"));
    }

    #[test]
    fn what_comes_to_light_later_refuses_too() {
        let ledger = Ledger::new();
        ledger.settle("first", || Ok(()));
        ledger.refuse("first", "its thread panicked".to_owned());
        assert!(!ledger.is_trusted());
        assert!(matches!(ledger.settle("first", || Ok(())), Verdict::Refused { .. }));
    }
}
