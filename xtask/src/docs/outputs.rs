//! Compares what a block prints with what the document says: exactly, but for the rounding of
//! numbers, which differs from one instruction set to the next.

/// What results of different machines may differ by, relatively.
const ROUNDING: f64 = 1e-5;

/// The first lines that differ, ignoring blanks at the ends of lines and of the text.
pub(super) fn first_difference(expected: &str, printed: &str) -> Option<String> {
    let (mut expected, mut printed) = (expected.trim_end().lines(), printed.trim_end().lines());
    loop {
        match (expected.next().map(str::trim_end), printed.next().map(str::trim_end)) {
            (None, None) => return None,
            (Some(expected), Some(printed)) if agree(expected, printed) => {}
            (expected, printed) => {
                let said = |line: Option<&str>| line.map_or("nothing".into(), |l| format!("`{l}`"));
                return Some(format!("{} instead of {}", said(printed), said(expected)));
            }
        }
    }
}

/// Whether two lines are the same, but for decimals that round to each other.
fn agree(expected: &str, printed: &str) -> bool {
    let (expected, printed) = (pieces(expected), pieces(printed));
    expected.len() == printed.len()
        && expected.iter().zip(&printed).all(|(e, p)| e == p || are_close(e, p))
}

/// Divides a line into runs of digits and points, and what stands between them.
fn pieces(line: &str) -> Vec<&str> {
    let of_number = |c: char| c.is_ascii_digit() || c == '.';
    let mut pieces: Vec<&str> = Vec::new();
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        let other = |c: char| of_number(c) != of_number(first);
        let (piece, after) = rest.split_at(rest.find(other).unwrap_or(rest.len()));
        pieces.push(piece);
        rest = after;
    }
    pieces
}

/// Whether both are decimals that differ by rounding alone: of the result, or to the digits that
/// are printed. Counts, ids and versions have to be the same.
fn are_close(expected: &str, printed: &str) -> bool {
    let decimals = |number: &str| number.split_once('.').map(|(_, decimals)| decimals.len());
    let (Some(n_decimals), Some(_)) = (decimals(expected), decimals(printed)) else { return false };
    let (Ok(e), Ok(p)) = (expected.parse::<f64>(), printed.parse::<f64>()) else { return false };
    let unit = 10_f64.powi(-i32::try_from(n_decimals).unwrap_or(i32::MAX));
    // A little more than one unit, as the difference of two decimals is itself rounded.
    (e - p).abs() <= f64::max(1.001 * unit, ROUNDING * e.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_the_same_line_by_line() {
        assert_eq!(first_difference("a\nb\n\n", "a  \nb\n"), None);
        assert_eq!(first_difference("a\nb\n", "a\nc\n").unwrap(), "`c` instead of `b`");
        assert_eq!(first_difference("a\nb\n", "a\n").unwrap(), "nothing instead of `b`");
        assert_eq!(first_difference("a\n", "a\nb\n").unwrap(), "`b` instead of nothing");
    }

    #[test]
    fn decimals_may_differ_by_rounding() {
        let line = r#"{"index":4633,"value":1.9194543}"#;
        assert!(agree(line, r#"{"index":4633,"value":1.9194546}"#));
        assert!(agree("today 2.5437 ██", "today 2.5438 ██"));
        assert!(!agree("today 2.5437 ██", "today 2.5439 ██"));
        assert!(!agree(line, r#"{"index":4633,"value":1.9195543}"#));
    }

    #[test]
    fn everything_else_must_be_the_same() {
        assert!(!agree("30522", "30523"));
        assert!(!agree("version 1.2.3", "version 1.2.4"));
        assert!(!agree("1.0000", "1"));
        assert!(!agree("-1.0000", "1.0000"));
        assert!(!agree("1.0 %", "1.0"));
    }
}
