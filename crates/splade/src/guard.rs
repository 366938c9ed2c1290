//! Panics of GPU backends, made errors.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};

/// Runs what a GPU backend may panic in: a driver that fails, a card that is lost. Both are no errors of
/// burn's. CubeCL launches kernels on threads of its own, and goes on after a panic there as if the kernel
/// had run: what was computed meanwhile is not to be trusted.
pub(crate) fn guarded<R>(run: impl FnOnce() -> R) -> Result<R, String> {
    watch_device_threads();
    let before = DEVICE_PANICS.load(Ordering::SeqCst);
    let result = catch_unwind(AssertUnwindSafe(run)).map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("it panicked").to_owned()
    })?;
    match DEVICE_PANICS.load(Ordering::SeqCst) == before {
        true => Ok(result),
        false => Err("its thread panicked; standard error says why".to_owned()),
    }
}

static DEVICE_PANICS: AtomicU64 = AtomicU64::new(0);

/// Counts the panics of threads that CubeCL has for devices, and leaves them to the hook that was there.
fn watch_device_threads() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            // Named by cubecl-common 0.10: D is the stage, then follows the device.
            if std::thread::current().name().is_some_and(|name| name.starts_with("DS")) {
                DEVICE_PANICS.fetch_add(1, Ordering::SeqCst);
            }
            hook(panic);
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_of_a_device_is_its_error() {
        assert_eq!(guarded(|| 1), Ok(1));
        let lost = guarded(|| -> u32 { panic!("device {} was lost", 3) });
        assert_eq!(lost, Err("device 3 was lost".to_owned()));
        let elsewhere = guarded(|| {
            let thread = std::thread::Builder::new().name("DSD-0-0".to_owned());
            let _ = thread.spawn(|| panic!("no such kernel")).unwrap().join();
        });
        assert!(elsewhere.is_err_and(|error| error.contains("its thread panicked")));
    }
}
