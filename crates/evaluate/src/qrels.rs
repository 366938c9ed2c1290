//! Reads judgements in BEIR's tsv and TREC's qrels format, distinguished by the first line.

use std::borrow::Cow;
use std::io::BufRead;
use std::path::Path;

use crate::text_lines::Lines;
use crate::{EvaluateError, Judgements};

#[derive(Clone, Copy, PartialEq)]
enum Form {
    Beir,
    Trec,
}

const HEADER: [&str; 3] = ["query-id", "corpus-id", "score"];
const BEIR_COLUMNS: &str = "3, separated by tabs: query-id, corpus-id, score";
const TREC_COLUMNS: &str = "4, separated by white space: query-id, 0, doc-id, grade";

pub(crate) fn read(reader: impl BufRead, path: &Path) -> Result<Judgements, EvaluateError> {
    let mut lines = Lines::new(reader, path);
    let mut form = None;
    let mut judgements = Judgements::new();
    while let Some((line, text)) = lines.next()? {
        match form {
            _ if form != Some(Form::Beir) && text.starts_with('#') => {}
            None => {
                let found = form_of(text, line, path)?;
                form = Some(found);
                if found == Form::Trec {
                    insert_trec(&mut judgements, text, line, path)?;
                }
            }
            Some(Form::Beir) => insert_beir(&mut judgements, text, line, path)?,
            Some(Form::Trec) => insert_trec(&mut judgements, text, line, path)?,
        }
    }
    if judgements.queries().is_empty() {
        return Err(EvaluateError::NoRows { path: path.to_path_buf() });
    }
    Ok(judgements)
}

fn form_of(text: &str, line: usize, path: &Path) -> Result<Form, EvaluateError> {
    let columns: Vec<&str> = text.split('\t').collect();
    let is_integer = |text: &str| text.parse::<i32>().is_ok();
    if columns.len() == 3 {
        let names = columns.iter().map(|name| name.trim().to_ascii_lowercase().replace('_', "-"));
        if names.eq(HEADER) {
            return Ok(Form::Beir);
        }
        if is_integer(columns[2]) {
            return Err(EvaluateError::MissingHeader { path: path.to_path_buf(), line });
        }
    }
    let columns: Vec<&str> = text.split_ascii_whitespace().collect();
    if columns.len() == 4 && is_integer(columns[3]) {
        return Ok(Form::Trec);
    }
    let found = text.chars().take(80).collect();
    Err(EvaluateError::UnknownForm { path: path.to_path_buf(), line, found })
}

fn insert_beir(
    judgements: &mut Judgements,
    text: &str,
    line: usize,
    path: &Path,
) -> Result<(), EvaluateError> {
    let columns: Vec<Cow<'_, str>> = text.split('\t').map(unquoted).collect();
    let [query_id, doc_id, grade] = &columns[..] else {
        let (found, expected) = (columns.len(), BEIR_COLUMNS);
        return Err(EvaluateError::Columns { path: path.to_path_buf(), line, found, expected });
    };
    for (id, column) in [(query_id, "query-id"), (doc_id, "corpus-id")] {
        if id.is_empty() {
            return Err(EvaluateError::EmptyId { path: path.to_path_buf(), line, column });
        }
    }
    insert(judgements, [query_id, doc_id, grade], line, path)
}

/// Python's csv writer quotes a column that contains a quote, and doubles the quotes inside.
fn unquoted(column: &str) -> Cow<'_, str> {
    match column.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(inside) => Cow::Owned(inside.replace("\"\"", "\"")),
        None => Cow::Borrowed(column),
    }
}

fn insert_trec(
    judgements: &mut Judgements,
    text: &str,
    line: usize,
    path: &Path,
) -> Result<(), EvaluateError> {
    let columns: Vec<&str> = text.split_ascii_whitespace().collect();
    let [query_id, _, doc_id, grade] = columns[..] else {
        let (found, expected) = (columns.len(), TREC_COLUMNS);
        return Err(EvaluateError::Columns { path: path.to_path_buf(), line, found, expected });
    };
    insert(judgements, [query_id, doc_id, grade], line, path)
}

fn insert(
    judgements: &mut Judgements,
    [query_id, doc_id, grade]: [&str; 3],
    line: usize,
    path: &Path,
) -> Result<(), EvaluateError> {
    let grade: i32 = grade.trim().parse().map_err(|_| EvaluateError::Grade {
        path: path.to_path_buf(),
        line,
        found: grade.to_owned(),
    })?;
    judgements.insert(query_id, doc_id, grade).map_err(|error| match error {
        EvaluateError::ConflictingGrades { query_id, doc_id, grade, earlier } => {
            let path = path.to_path_buf();
            EvaluateError::ConflictingLine { path, line, query_id, doc_id, grade, earlier }
        }
        other => other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Judgements, String> {
        read(text.as_bytes(), Path::new("qrels")).map_err(|error| error.to_string())
    }

    #[test]
    fn a_header_makes_it_beir() {
        for header in ["query-id\tcorpus-id\tscore", "Query_ID\tcorpus_id\tscore"] {
            let judgements =
                parse(&format!("{header}\r\nq2\td 1\t2\r\n\r\nq1\t\"a\"\"b\"\t0\r\n")).unwrap();
            assert_eq!(judgements.queries()[0].id(), "q2");
            assert_eq!(judgements.grade("q2", "d 1"), Some(2));
            assert_eq!(judgements.grade("q1", "a\"b"), Some(0));
        }
    }

    #[test]
    fn four_columns_make_it_trec() {
        let judgements = parse("# made by hand\n301 0 FR-1  -1\n\t301\tQ0\tFR-2\t3\n").unwrap();
        assert_eq!(judgements.grade("301", "FR-1"), Some(-1));
        assert_eq!(judgements.grade("301", "FR-2"), Some(3));
    }

    #[test]
    fn an_id_that_begins_with_a_hash_is_no_comment_in_beir() {
        let judgements = parse("query-id\tcorpus-id\tscore\n#1\td\t1\n").unwrap();
        assert_eq!(judgements.grade("#1", "d"), Some(1));
    }

    #[test]
    fn a_missing_header_costs_no_judgement() {
        let error = parse("q\td\t1\n").unwrap_err();
        assert!(error.starts_with("qrels, line 1: the header is missing"), "{error}");
    }

    #[test]
    fn another_form_is_refused() {
        for text in ["q,d,1\n", "query-id\tcorpus-id\n", "q 0 d x\n", "a\tb\tc\n"] {
            let error = parse(text).unwrap_err();
            assert!(error.starts_with("qrels, line 1: `"), "{error}");
        }
    }

    #[test]
    fn wrong_columns_are_named_by_line() {
        assert_eq!(
            parse("query-id\tcorpus-id\tscore\nq\td\t1\nq d 1\n").unwrap_err(),
            "qrels, line 3: 1 columns, expected 3, separated by tabs: query-id, corpus-id, score"
        );
        assert_eq!(
            parse("q 0 d 1\nq 0 d\n").unwrap_err(),
            "qrels, line 2: 3 columns, expected 4, separated by white space: \
             query-id, 0, doc-id, grade"
        );
        assert_eq!(
            parse("query-id\tcorpus-id\tscore\n\td\t1\n").unwrap_err(),
            "qrels, line 2: the query-id is empty"
        );
    }

    #[test]
    fn a_grade_that_is_no_whole_number_is_named_by_line() {
        let error = parse("query-id\tcorpus-id\tscore\nq\td\t1.5\n").unwrap_err();
        assert!(error.starts_with("qrels, line 2: the grade `1.5` is not a whole"), "{error}");
    }

    #[test]
    fn a_contradiction_is_named_by_line() {
        assert_eq!(
            parse("q 0 d 1\nq 0 e 1\nq 0 d 1\nq 0 d 0\n").unwrap_err(),
            "qrels, line 4: document `d` of query `q` has grade 0 here, but 1 on an earlier line"
        );
    }

    #[test]
    fn a_file_without_judgements_is_refused() {
        for text in ["", "\n\n", "query-id\tcorpus-id\tscore\n", "# nothing\n"] {
            assert_eq!(parse(text).unwrap_err(), "qrels has no rows");
        }
    }
}
