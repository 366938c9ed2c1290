//! The figures, one file each.

pub(super) mod equality;
pub(super) mod lanes;
pub(super) mod latency;
pub(super) mod leaving;
pub(super) mod overhead;
pub(super) mod overload;
pub(super) mod start;
pub(super) mod throughput;

/// A time in milliseconds with three digits or so.
pub(super) fn ms(value: f64) -> String {
    crate::table::rate(value)
}

/// A share in percent.
pub(super) fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// Cores that were busy, where the system tells.
pub(super) fn cores(value: Option<f64>) -> String {
    value.map_or_else(|| "?".to_owned(), |cores| format!("{cores:.2}"))
}
