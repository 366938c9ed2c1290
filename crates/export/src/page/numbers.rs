//! Numbers as printed on the page.

/// The number of decimals that shows the largest of some values with about three digits, so that a
/// column of them lines up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Decimals {
    Fixed(usize),
    Scientific,
}

impl Decimals {
    /// For values whose largest magnitude is `max`.
    pub(crate) fn for_max(max: f64) -> Self {
        if max == 0.0 {
            return Self::Fixed(2);
        }
        match max.abs().log10().floor() as i32 {
            magnitude @ -4..=-1 => Self::Fixed(2 + magnitude.unsigned_abs() as usize),
            0 | 1 => Self::Fixed(2),
            2 => Self::Fixed(1),
            3..=8 => Self::Fixed(0),
            _ => Self::Scientific,
        }
    }

    /// Shows a value; one that rounds to zero but is not zero is shown as less than the smallest.
    pub(crate) fn show(self, value: f64) -> String {
        let magnitude = value.abs();
        let sign = if value < 0.0 { "−" } else { "" };
        match self {
            Self::Scientific => format!("{sign}{magnitude:.2e}"),
            Self::Fixed(digits) => {
                let least = 10_f64.powi(-(digits as i32));
                if value != 0.0 && magnitude < least / 2.0 {
                    let relation = if value < 0.0 { ">" } else { "<" };
                    return format!("{relation}{sign}{least:.digits$}");
                }
                format!("{sign}{magnitude:.digits$}")
            }
        }
    }
}

/// A share of 1 as `12.3 %`; one that rounds to zero but is not zero is shown as less than the
/// smallest.
pub(crate) fn percent(share: f64) -> String {
    format!("{}\u{A0}%", Decimals::Fixed(1).show(share * 100.0))
}

/// A count with commas between thousands.
pub(crate) fn thousands(n: usize) -> String {
    let digits = n.to_string();
    let mut shown = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// A count and what is counted: `1 term`, `1,204 terms`.
pub(crate) fn count(n: usize, what: &str) -> String {
    let plural = match (n, what.strip_suffix('y')) {
        (1, _) => what.to_owned(),
        (_, Some(stem)) => format!("{stem}ies"),
        (_, None) => format!("{what}s"),
    };
    format!("{} {plural}", thousands(n))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_has_the_digits_of_its_largest_value() {
        assert_eq!(Decimals::for_max(2.011).show(0.5), "0.50");
        assert_eq!(Decimals::for_max(99.9).show(12.345), "12.35");
        assert_eq!(Decimals::for_max(0.0512).show(0.0512), "0.0512");
        assert_eq!(Decimals::for_max(12_345.6).show(7.2), "7");
        assert_eq!(Decimals::for_max(1e-12).show(1e-12), "1.00e-12");
        assert_eq!(Decimals::for_max(3e38).show(-1.5e30), "−1.50e30");
    }

    #[test]
    fn a_small_value_is_not_shown_as_zero() {
        assert_eq!(Decimals::Fixed(2).show(0.004), "<0.01");
        assert_eq!(Decimals::Fixed(2).show(-0.004), ">−0.01");
        assert_eq!(Decimals::Fixed(2).show(0.006), "0.01");
        assert_eq!(Decimals::Fixed(2).show(0.0), "0.00");
        assert_eq!(percent(0.000_1), "<0.1\u{A0}%");
    }

    #[test]
    fn counts_read_well() {
        assert_eq!(count(1, "query"), "1 query");
        assert_eq!(count(30_522, "entry"), "30,522 entries");
        assert_eq!(count(0, "term"), "0 terms");
        assert_eq!(thousands(1_234_567), "1,234,567");
    }
}
