//! Tables in Markdown, with columns of one width so that they can be read as they stand.

use std::fmt::Write;

/// A table with a line for each row. The first `n_text_columns` columns hold text; the others hold
/// numbers and are right-aligned.
pub(crate) fn markdown(columns: &[&str], n_text_columns: usize, rows: &[Vec<String>]) -> String {
    let widths: Vec<usize> = columns
        .iter()
        .enumerate()
        .map(|(i, title)| {
            let widest = rows.iter().map(|row| row[i].chars().count()).max();
            widest.unwrap_or(0).max(title.chars().count())
        })
        .collect();
    let line = |fields: &[String]| {
        let mut line = String::from("|");
        for (i, (field, width)) in fields.iter().zip(&widths).enumerate() {
            // Writing to a string cannot fail.
            let _ = if i < n_text_columns {
                write!(line, " {field:<width$} |")
            } else {
                write!(line, " {field:>width$} |")
            };
        }
        line + "\n"
    };
    let titles: Vec<String> = columns.iter().map(|title| (*title).to_owned()).collect();
    let mut text = line(&titles);
    text.push('|');
    for (i, width) in widths.iter().enumerate() {
        let end = if i < n_text_columns { '-' } else { ':' };
        text += &format!("{}{end}|", "-".repeat(width + 1));
    }
    text.push('\n');
    for row in rows {
        text += &line(row);
    }
    text
}

/// With at least three digits.
pub(crate) fn rate(value: f64) -> String {
    match value {
        _ if value >= 100.0 => format!("{value:.0}"),
        _ if value >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_have_one_width_and_numbers_stand_to_the_right() {
        let rows =
            [vec!["naïve".to_owned(), "1".to_owned()], vec!["b".to_owned(), "10".to_owned()]];
        let table = markdown(&["name", "n"], 1, &rows);
        assert_eq!(table, "| name  |  n |\n|-------|---:|\n| naïve |  1 |\n| b     | 10 |\n");
    }

    #[test]
    fn a_rate_has_three_digits() {
        assert_eq!([rate(1234.5), rate(12.34), rate(1.234)], ["1234", "12.3", "1.23"]);
    }
}
