//! Turns a panic of a GPU backend into an error of the calls on that device.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, Once, PoisonError};
use std::thread;

use splade_model::DeviceThreads;

use crate::panics::panic_message;

/// Runs code in which a GPU backend may panic: burn panics, instead of returning an error, when a
/// driver fails or a card is lost. CubeCL launches kernels on threads of its own for each device,
/// and continues after a panic there as if the kernel had run, so the results computed on that
/// device meanwhile cannot be trusted.
pub(crate) fn guarded<R>(threads: DeviceThreads, run: impl FnOnce() -> R) -> Result<R, String> {
    watch_device_threads();
    let before = panics_of(threads);
    let result =
        catch_unwind(AssertUnwindSafe(run)).map_err(|panic| panic_message(&*panic).to_owned())?;
    match panics_of(threads) == before {
        true => Ok(result),
        false => Err("its thread panicked; standard error says why".to_owned()),
    }
}

/// Number of panics so far on the threads of each device. The key `None` is for threads whose names
/// give no device; their panics count for all devices.
static PANICS: Mutex<BTreeMap<Option<DeviceThreads>, u64>> = Mutex::new(BTreeMap::new());

fn panics_of(threads: DeviceThreads) -> u64 {
    let panics = PANICS.lock().unwrap_or_else(PoisonError::into_inner);
    [Some(threads), None].iter().filter_map(|key| panics.get(key)).sum()
}

/// Installs a panic hook that counts the panics of CubeCL's device threads, then calls the previous
/// hook.
fn watch_device_threads() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if let Some(device) = thread::current().name().and_then(device_of_thread) {
                let mut panics = PANICS.lock().unwrap_or_else(PoisonError::into_inner);
                *panics.entry(device).or_default() += 1;
            }
            hook(panic);
        }));
    });
}

/// The device of one of CubeCL's threads: `Some(None)` if the name does not say which device,
/// `None` if the thread is not CubeCL's.
///
/// cubecl-common 0.10 names them `DSU-0-1` or `DSD-0-1`: the stage, the kind of device, its number.
fn device_of_thread(name: &str) -> Option<Option<DeviceThreads>> {
    let (_stage, device) = name.strip_prefix("DS")?.split_once('-')?;
    let numbers = device.split_once('-').and_then(|(kind, number)| {
        Some(DeviceThreads { kind: kind.parse().ok()?, number: number.parse().ok()? })
    });
    Some(numbers)
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;

    /// Devices that no backend has.
    const ALONE: DeviceThreads = DeviceThreads { kind: 8, number: 0 };
    const FIRST: DeviceThreads = DeviceThreads { kind: 9, number: 0 };
    const SECOND: DeviceThreads = DeviceThreads { kind: 9, number: 1 };

    /// Panics on a thread of that name and continues, as CubeCL does.
    fn panic_on_thread(name: &str) {
        let thread = thread::Builder::new().name(name.to_owned());
        assert!(thread.spawn(|| panic!("no such kernel")).unwrap().join().is_err());
    }

    #[test]
    fn a_panic_of_a_device_is_its_error() {
        assert_eq!(guarded(ALONE, || 1), Ok(1));
        let lost = guarded(ALONE, || -> u32 { panic!("device {} was lost", 3) });
        assert_eq!(lost, Err("device 3 was lost".to_owned()));
    }

    #[test]
    fn a_panic_on_one_device_fails_its_calls_and_none_of_another_device() {
        for thread_of_first in ["DSU-9-0", "DSD-9-0"] {
            // Both calls are in flight when the thread panics.
            let (begun, panicked) = (Barrier::new(2), Barrier::new(2));
            let (on_first, on_second) = thread::scope(|scope| {
                let on_first = scope.spawn(|| {
                    guarded(FIRST, || {
                        begun.wait();
                        panic_on_thread(thread_of_first);
                        panicked.wait();
                    })
                });
                let on_second = guarded(SECOND, || {
                    begun.wait();
                    panicked.wait();
                    2
                });
                (on_first.join().unwrap(), on_second)
            });
            assert!(on_first.is_err_and(|error| error.contains("its thread panicked")));
            assert_eq!(on_second, Ok(2));
        }
    }

    #[test]
    fn threads_say_their_device_and_those_that_do_not_count_for_all() {
        assert_eq!(device_of_thread("DSD-9-1"), Some(Some(SECOND)));
        assert_eq!(device_of_thread("DSU-9-0"), Some(Some(FIRST)));
        for unclear in ["DSD-9", "DSD-9-", "DSX-a-b", "DSD-9-1-2"] {
            assert_eq!(device_of_thread(unclear), Some(None), "{unclear}");
        }
        for other in ["main", "splade-0", "DSP"] {
            assert_eq!(device_of_thread(other), None, "{other}");
        }
    }
}
