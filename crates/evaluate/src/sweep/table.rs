//! A sweep as a table: Markdown for reading, CSV for computing.

use super::SweepPoint;

/// A column: its name in Markdown and in CSV, and its cells in both.
struct Column {
    heading: String,
    key: String,
    cells: Vec<(String, String)>,
}

pub(super) fn markdown(points: &[SweepPoint]) -> String {
    let columns = columns(points);
    let mut table = String::new();
    let mut line = |cells: &mut dyn Iterator<Item = String>| {
        for cell in cells {
            table += &format!("| {cell} ");
        }
        table += "|\n";
    };
    line(&mut columns.iter().map(|column| column.heading.replace('|', "\\|")));
    line(&mut columns.iter().map(|_| "---:".into()));
    for row in 0..points.len() {
        line(&mut columns.iter().map(|column| column.cells[row].0.clone()));
    }
    table
}

pub(super) fn csv(points: &[SweepPoint]) -> String {
    let columns = columns(points);
    let mut table = String::new();
    let mut line = |cells: Vec<String>| {
        table += &cells.join(",");
        table += "\n";
    };
    line(columns.iter().map(|column| quoted(&column.key)).collect());
    for row in 0..points.len() {
        line(columns.iter().map(|column| column.cells[row].1.clone()).collect());
    }
    table
}

fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

fn columns(points: &[SweepPoint]) -> Vec<Column> {
    let column = |heading: &str, key: &str, cell: &dyn Fn(&SweepPoint) -> (String, String)| {
        let cells = points.iter().map(cell).collect();
        Column { heading: heading.into(), key: key.into(), cells }
    };
    let fixed = |value: f64, digits: usize| (format!("{value:.digits$}"), value.to_string());
    let kept = |max: Option<usize>| match max {
        Some(max) => (max.to_string(), max.to_string()),
        None => ("all".into(), String::new()),
    };
    let known = |size: Option<u64>, short: fn(u64) -> String| match size {
        Some(size) => (short(size), size.to_string()),
        None => ("–".into(), String::new()),
    };
    let mut columns = vec![
        column("max dims, queries", "query_max_active_dims", &|p| kept(p.query_max_active_dims)),
        column("max dims, documents", "document_max_active_dims", &|p| {
            kept(p.document_max_active_dims)
        }),
    ];
    for name in measure_names(points) {
        columns.push(column(name, name, &|point| match point.measure(name) {
            Some(value) => fixed(value, 4),
            None => ("–".into(), String::new()),
        }));
    }
    columns.extend([
        column("query dims", "query_active_dims", &|p| fixed(p.statistics.query_active_dims, 1)),
        column("query sparsity", "query_sparsity_ratio", &|p| {
            fixed(p.statistics.query_sparsity_ratio, 4)
        }),
        column("corpus dims", "corpus_active_dims", &|p| fixed(p.statistics.corpus_active_dims, 1)),
        column("corpus sparsity", "corpus_sparsity_ratio", &|p| {
            fixed(p.statistics.corpus_sparsity_ratio, 4)
        }),
        column("FLOPs", "avg_flops", &|p| fixed(p.statistics.avg_flops, 2)),
    ]);
    if points.iter().any(|point| point.nnz.is_some()) {
        columns.push(column("entries", "nnz", &|p| known(p.nnz, |nnz| nnz.to_string())));
    }
    if points.iter().any(|point| point.index_bytes.is_some()) {
        columns.push(column("index", "index_bytes", &|p| known(p.index_bytes, short_bytes)));
    }
    columns
}

/// The measures of all points, in order of first appearance.
fn measure_names(points: &[SweepPoint]) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in points.iter().flat_map(|point| &point.measures) {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    names
}

/// At least three digits, in powers of 1000.
pub(super) fn short_bytes(bytes: u64) -> String {
    let units = ["kB", "MB", "GB", "TB", "PB", "EB"];
    let mut value = bytes as f64;
    let mut found = "B";
    for unit in units {
        // A value that would be rounded to 1000 belongs to the next unit.
        if value < 999.5 {
            break;
        }
        value /= 1000.0;
        found = unit;
    }
    let digits = if found == "B" || value >= 99.95 { 0 } else { 1 };
    format!("{value:.digits$} {found}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_short() {
        for (bytes, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (99_949, "99.9 kB"),
            (123_456_789, "123 MB"),
            (999_600, "1.0 MB"),
            (u64::MAX, "18.4 EB"),
        ] {
            assert_eq!(short_bytes(bytes), text);
        }
    }
}
