//! `bench.md`: the report for people.

use super::machine::Head;
use super::measure::Outcome;
use super::row::Row;
use crate::table::{self, rate};

const COLUMNS: [&str; 12] = [
    "engine",
    "model",
    "batch",
    "words",
    "texts/s",
    "tokens/s",
    "to ours",
    "peak MiB",
    "load s",
    "first vector ms",
    "query ms",
    "agreement",
];
/// Number of text columns; the others hold numbers and are right-aligned.
const N_TEXT_COLUMNS: usize = 2;

pub(super) fn write(head: &Head, outcome: &Outcome) -> String {
    let mut text = format!(
        "# Speed\n\n* Date: {}\n* CPU: {}\n* Threads: {}\n* Rounds: {}, after one that is not \
         counted; numbers are medians\n* Command: `{}`\n\n",
        head.date, head.cpu, head.threads, head.rounds, head.command
    );
    text += &table(&outcome.rows);
    text += "\nBatch: texts per forward pass, 0 where the library plans by tokens. Words: of a text, \
             on average. To ours: a rival's\ntexts/s over those of splade, in rounds that took \
             turns. Load leaves imports out; the first vector includes load.\nAgreement: the \
             largest difference of any two weights and, where it is not 1, the mean cosine.\n";
    section(&mut text, "Failures", outcome.failures.iter());
    section(&mut text, "Not measured", outcome.absent.iter());
    let mut versions: Vec<String> = outcome
        .rows
        .iter()
        .map(|row| format!("{}: {}", row.ready.engine, row.versions()))
        .collect();
    versions.sort();
    versions.dedup();
    section(&mut text, "Versions", versions.iter());
    text
}

fn section<'a>(text: &mut String, title: &str, items: impl Iterator<Item = &'a String>) {
    let items: Vec<&String> = items.collect();
    if items.is_empty() {
        return;
    }
    *text += &format!("\n## {title}\n\n");
    for item in items {
        // An item is one line, even for a multi-line error.
        *text += &format!("* {}\n", item.split_whitespace().collect::<Vec<_>>().join(" "));
    }
}

fn table(rows: &[Row]) -> String {
    let cells: Vec<Vec<String>> = rows.iter().map(|row| fields(row).into()).collect();
    table::markdown(&COLUMNS, N_TEXT_COLUMNS, &cells)
}

fn fields(row: &Row) -> [String; COLUMNS.len()] {
    let ratio = row.ratio().map_or("1".into(), |ratio| format!("{ratio:.2}"));
    let agreement = row.agreement().map_or(String::new(), |agreement| {
        let cosine = format!("{:.4}", agreement.mean_cosine);
        match cosine.as_str() {
            "1.0000" => format!("{:.0e}", agreement.max_abs),
            _ => format!("{:.0e}, {cosine}", agreement.max_abs),
        }
    });
    [
        row.ready.engine.clone(),
        row.cell.model_name(),
        row.batch.to_string(),
        row.cell.texts.words.to_string(),
        rate(row.texts_per_s()),
        rate(row.tokens_per_s()),
        ratio,
        format!("{:.0}", row.peak_mb),
        format!("{:.2}", row.ready.load_s),
        format!("{:.0}", 1e3 * row.ready.first_vector_s),
        row.query_ms.map_or(String::new(), |query_ms| format!("{query_ms:.2}")),
        agreement,
    ]
}

#[cfg(test)]
mod tests {
    use super::super::row::tests::row;
    use super::super::row::{Agreement, Rivalry};
    use super::*;

    #[test]
    fn a_table_has_a_line_for_each_row_and_columns_of_one_width() {
        let agreement = Some(Agreement { max_abs: 2e-5, mean_cosine: 0.99 });
        let rival = Some(Rivalry { ratio: 0.5, agreement });
        let rows = [row("splade-cpu-f32", &[1.0], None), row("st-bf16", &[2.0], rival)];
        let text = table(&rows);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 4);
        assert!(lines.iter().all(|line| line.len() == lines[0].len()), "{text}");
        assert!(lines[1].starts_with("|----"), "{text}");
        assert!(lines[3].contains(" 50.0 |") && lines[3].contains(" 0.50 |"), "{text}");
        assert!(lines[3].ends_with("| 2e-5, 0.9900 |"), "{text}");
    }

    #[test]
    fn what_failed_is_in_the_report() {
        let head = Head {
            date: "2026-01-01".into(),
            cpu: "CPU".into(),
            threads: 2,
            rounds: 5,
            command: "cargo xtask bench".into(),
        };
        let failures = vec!["st-f32:\n  differs".to_owned()];
        let text = write(&head, &Outcome { failures, ..Outcome::default() });
        assert!(text.contains("## Failures\n\n* st-f32: differs\n"), "{text}");
        assert!(!text.contains("## Not measured"), "{text}");
    }
}
