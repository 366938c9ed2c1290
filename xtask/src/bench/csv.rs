//! `bench.csv`: the rows of the report for other programs, with the spread of the rounds.

use super::row::Row;

const COLUMNS: [&str; 18] = [
    "engine",
    "model",
    "batch",
    "words",
    "texts",
    "tokens",
    "texts_per_s",
    "texts_per_s_min",
    "texts_per_s_max",
    "tokens_per_s",
    "ratio_to_ours",
    "peak_mib",
    "load_s",
    "first_vector_s",
    "query_ms",
    "max_abs",
    "mean_cosine",
    "versions",
];

pub(super) fn write(rows: &[Row]) -> String {
    let mut text = line(COLUMNS.map(str::to_owned));
    for row in rows {
        text += &line(fields(row));
    }
    text
}

fn fields(row: &Row) -> [String; COLUMNS.len()] {
    let (least, most) = row.texts_per_s_spread();
    let agreement = row.agreement();
    [
        row.ready.engine.clone(),
        row.cell.model_name(),
        row.batch.to_string(),
        row.cell.texts.words.to_string(),
        row.ready.n_texts.to_string(),
        row.ready.n_tokens.to_string(),
        row.texts_per_s().to_string(),
        least.to_string(),
        most.to_string(),
        row.tokens_per_s().to_string(),
        optional(row.ratio()),
        row.peak_mb.to_string(),
        row.ready.load_s.to_string(),
        row.ready.first_vector_s.to_string(),
        optional(row.query_ms),
        optional(agreement.map(|agreement| agreement.max_abs)),
        optional(agreement.map(|agreement| agreement.mean_cosine)),
        row.versions(),
    ]
}

fn optional(value: Option<f64>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

fn line(fields: [String; COLUMNS.len()]) -> String {
    fields.map(|field| quoted(&field)).join(",") + "\n"
}

/// As in RFC 4180: quoted only if necessary.
fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::super::row::tests::row;
    use super::*;

    #[test]
    fn a_field_is_quoted_where_it_must_be() {
        assert_eq!(quoted("bert-base"), "bert-base");
        assert_eq!(quoted("a, \"b\""), "\"a, \"\"b\"\"\"");
    }

    #[test]
    fn a_row_is_a_line_and_what_was_not_measured_is_empty() {
        let text = write(&[row("splade-cpu-f32", &[1.0, 2.0, 4.0], None)]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[1],
            "splade-cpu-f32,bert-base,0,64,100,2000,50,25,100,1000,,120,0.25,0.5,1.25,,,\
             \"torch 2.15, cpu\""
        );
        assert_eq!(lines.len(), 2);
    }
}
