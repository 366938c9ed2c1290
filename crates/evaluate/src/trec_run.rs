//! Reads and writes TREC run files: `query-id Q0 doc-id rank score tag`.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, IntoInnerError, Write};
use std::path::Path;

use splade_output::Output;

use crate::run::repeated;
use crate::text_lines::Lines;
use crate::{EvaluateError, Run, ScoredDoc};

const COLUMNS: &str = "6, separated by white space: query-id Q0 doc-id rank score tag";

impl Run {
    /// Reads a TREC run file, which must not be compressed (`splade::evaluate::load_run` opens gzip
    /// and Zstandard).
    ///
    /// Lines have six columns separated by white space: `query-id`, anything, `doc-id`, rank,
    /// score, tag. As in trec_eval, the score decides, not the rank, and the lines of a query need
    /// not be adjacent. Blank lines and lines that begin with `#` are skipped (trec_eval 10). The
    /// tag is that of the first line.
    ///
    /// # Errors
    /// [`EvaluateError`] with file and line, if the file cannot be read or has no results, or if a
    /// line has other columns, a rank or score that is not a number, or a document that the query
    /// already has.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, EvaluateError> {
        let path = path.as_ref();
        let file = File::open(path)
            .map_err(|source| EvaluateError::Read { path: path.to_path_buf(), source })?;
        Self::read(BufReader::new(file), path)
    }

    /// Reads the format of [`Run::load`]; `path` is only used in messages.
    ///
    /// # Errors
    /// As [`Run::load`].
    pub fn read(reader: impl BufRead, path: impl AsRef<Path>) -> Result<Self, EvaluateError> {
        let path = path.as_ref();
        let mut lines = Lines::new(reader, path);
        let mut run = Self::default();
        // The line of each hit, query by query.
        let mut line_numbers: Vec<Vec<usize>> = Vec::new();
        while let Some((line, text)) = lines.next()? {
            if text.starts_with('#') {
                continue;
            }
            let columns: Vec<&str> = text.split_ascii_whitespace().collect();
            let [query_id, _, doc_id, rank, score, tag] = columns[..] else {
                let (found, expected) = (columns.len(), COLUMNS);
                let path = path.to_path_buf();
                return Err(EvaluateError::Columns { path, line, found, expected });
            };
            if rank.parse::<i64>().is_err() {
                let (path, found) = (path.to_path_buf(), rank.to_owned());
                return Err(EvaluateError::Rank { path, line, found });
            }
            let score =
                score.parse::<f64>().ok().filter(|score| score.is_finite()).ok_or_else(|| {
                    EvaluateError::Score { path: path.to_path_buf(), line, found: score.to_owned() }
                })?;
            if run.queries.is_empty() {
                run.tag = tag.to_owned();
            }
            let position = run.position_or_push(query_id);
            run.queries[position].hits.push(ScoredDoc { doc_id: doc_id.to_owned(), score });
            line_numbers.resize_with(run.queries.len(), Vec::new);
            line_numbers[position].push(line);
        }
        if run.queries.is_empty() {
            return Err(EvaluateError::NoRows { path: path.to_path_buf() });
        }
        refuse_repeated(&run, &line_numbers, path)?;
        Ok(run)
    }

    /// Writes a TREC run file, which appears whole or not at all: queries in their order, documents
    /// with ranks from 1 as in [`RunQuery::ranked`](crate::RunQuery::ranked), scores with the
    /// fewest digits that preserve them. A query without results has no line.
    ///
    /// # Errors
    /// [`EvaluateError::Unwritable`] before anything is written, if an id or the tag does not fit
    /// into a column; [`EvaluateError::Write`].
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), EvaluateError> {
        let path = path.as_ref();
        self.check_ids()?;
        let failed = |source| EvaluateError::Write { path: path.to_path_buf(), source };
        let mut writer = BufWriter::new(Output::create(path).map_err(failed)?);
        self.write_lines(&mut writer).map_err(failed)?;
        let output = writer.into_inner().map_err(IntoInnerError::into_error);
        output.and_then(Output::finish).map_err(failed)
    }

    /// Writes the format of [`Run::save`]; `path` is only used in messages.
    ///
    /// # Errors
    /// As [`Run::save`].
    pub fn write(
        &self,
        mut writer: impl Write,
        path: impl AsRef<Path>,
    ) -> Result<(), EvaluateError> {
        self.check_ids()?;
        self.write_lines(&mut writer)
            .map_err(|source| EvaluateError::Write { path: path.as_ref().to_path_buf(), source })
    }

    /// Checks that a document's id, or a tag, fits into a column of a TREC run: it is not empty and
    /// has no white space.
    ///
    /// # Errors
    /// [`EvaluateError::Unwritable`].
    pub fn check_document_id(id: &str) -> Result<(), EvaluateError> {
        if fits(id) { Ok(()) } else { Err(EvaluateError::Unwritable { id: id.to_owned() }) }
    }

    /// Checks that a query's id fits into the first column, where `#` would begin a comment.
    ///
    /// # Errors
    /// [`EvaluateError::Unwritable`].
    pub fn check_query_id(id: &str) -> Result<(), EvaluateError> {
        match id.starts_with('#') {
            true => Err(EvaluateError::Unwritable { id: id.to_owned() }),
            false => Self::check_document_id(id),
        }
    }

    fn check_ids(&self) -> Result<(), EvaluateError> {
        let queries = self.queries.iter().filter(|query| !query.hits.is_empty());
        queries.clone().try_for_each(|query| Self::check_query_id(&query.id))?;
        let others = queries.flat_map(|query| query.hits.iter().map(|hit| hit.doc_id.as_str()));
        others.chain([self.tag.as_str()]).try_for_each(Self::check_document_id)
    }

    fn write_lines(&self, writer: &mut impl Write) -> std::io::Result<()> {
        for query in &self.queries {
            for (rank, hit) in (1..).zip(query.ranked()) {
                let ScoredDoc { doc_id, score } = hit;
                writeln!(writer, "{} Q0 {doc_id} {rank} {score} {}", query.id, self.tag)?;
            }
        }
        Ok(())
    }
}

/// Some readers split at ASCII white space, and Python also at Unicode white space.
fn fits(id: &str) -> bool {
    !id.is_empty() && !id.contains(char::is_whitespace)
}

fn refuse_repeated(
    run: &Run,
    line_numbers: &[Vec<usize>],
    path: &Path,
) -> Result<(), EvaluateError> {
    let first = run
        .queries
        .iter()
        .zip(line_numbers)
        .filter_map(|(query, lines)| {
            let (first, second) = repeated(&query.hits)?;
            Some((query, second, lines[first], lines[second]))
        })
        .min_by_key(|(.., line)| *line);
    match first {
        None => Ok(()),
        Some((query, second, first_line, line)) => Err(EvaluateError::RepeatedLine {
            path: path.to_path_buf(),
            line,
            first_line,
            query_id: query.id.clone(),
            doc_id: query.hits[second].doc_id.clone(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Run, String> {
        Run::read(text.as_bytes(), "run.trec").map_err(|error| error.to_string())
    }

    #[test]
    fn scores_decide_and_lines_of_a_query_may_stand_apart() {
        let run = parse("2 Q0 a 1 1.5 s\n1 Q0 a 1 3 s\n\n# note\n2\tQ0 b  0 2e0 s\n").unwrap();
        assert_eq!(run.tag(), "s");
        assert_eq!(run.queries()[0].id(), "2");
        let ranked = run.queries()[0].ranked();
        assert_eq!((ranked[0].doc_id.as_str(), ranked[0].score), ("b", 2.0));
    }

    #[test]
    fn a_wrong_line_is_named() {
        for (line, problem) in [
            ("1 Q0 a 1 3", "5 columns, expected 6, separated by white space"),
            ("1 Q0 my doc 1 3 s", "7 columns, expected 6"),
            ("1 Q0 a 3.5 1 s", "the rank `3.5` is not a whole number"),
            ("1 Q0 a 1 x s", "the score `x` is not a finite number"),
            ("1 Q0 a 1 nan s", "the score `nan` is not a finite number"),
            ("1 Q0 b 1 1 s", "document `b` was already listed for query `1` on line 1"),
        ] {
            let error = parse(&format!("1 Q0 b 1 3 s\n2 Q0 b 1 3 s\n{line}\n")).unwrap_err();
            assert!(error.starts_with(&format!("run.trec, line 3: {problem}")), "{error}");
        }
        assert_eq!(parse("\n").unwrap_err(), "run.trec has no rows");
    }

    #[test]
    fn ranks_are_written_by_score_and_ties_by_id() {
        let mut run = Run::new("splade");
        let hit = |id: &str, score| ScoredDoc { doc_id: id.into(), score };
        run.push("q", vec![hit("b", 0.5), hit("c", f64::from(12.1_f32)), hit("a", 0.5)]).unwrap();
        run.push("none", Vec::new()).unwrap();
        let mut text = Vec::new();
        run.write(&mut text, "out").unwrap();
        assert_eq!(
            String::from_utf8(text).unwrap(),
            "q Q0 c 1 12.100000381469727 splade\nq Q0 a 2 0.5 splade\nq Q0 b 3 0.5 splade\n"
        );
    }

    #[test]
    fn an_id_that_would_break_a_line_is_refused() {
        let hit = |id: &str| ScoredDoc { doc_id: id.into(), score: 1.0 };
        for (tag, query, doc) in
            [("", "q", "d"), ("t", "q 1", "d"), ("t", "q", ""), ("t", "#", "d")]
        {
            let mut run = Run::new(tag);
            run.push(query, vec![hit(doc)]).unwrap();
            let error = run.write(Vec::new(), "out").unwrap_err();
            assert!(matches!(error, EvaluateError::Unwritable { .. }), "{error}");
        }
    }
}
