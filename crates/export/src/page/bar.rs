//! Bars that show values as lengths.

/// The inside of a bar: `value` relative to `longest`, in another colour if negative, and nothing
/// if zero.
pub(crate) fn bar(value: f64, longest: f64) -> String {
    if value == 0.0 || longest == 0.0 {
        return String::new();
    }
    let sign = if value < 0.0 { " class=\"neg\"" } else { "" };
    format!("<i{sign} style=\"width:{:.1}%\"></i>", value.abs() / longest * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_long_as_its_value() {
        assert_eq!(bar(-0.5, 2.0), "<i class=\"neg\" style=\"width:25.0%\"></i>");
        assert_eq!(bar(2.0, 2.0), "<i style=\"width:100.0%\"></i>");
        assert_eq!(bar(0.0, 2.0), "");
        assert_eq!(bar(0.0, 0.0), "");
    }
}
