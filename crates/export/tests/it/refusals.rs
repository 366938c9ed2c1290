//! Whatever an engine would refuse is refused here, with the row.

use std::num::NonZeroUsize;

use splade_export::{
    DuplicateIds, EmptyRows, Engine, ExportError, ExportOptions, ExportRow, ExportWriter,
    HNSW_MAX_NNZ, Key, PgvectorIndex, SPARSEVEC_MAX_DIM, SPARSEVEC_MAX_NNZ,
};
use splade_sparse::SparseRow;

const TEN: NonZeroUsize = NonZeroUsize::new(10).expect("10 is not 0");

fn write(engine: Engine, options: &ExportOptions, row: &ExportRow<'_>) -> Result<(), ExportError> {
    ExportWriter::new(engine, options.clone(), Vec::new())?.write(row)
}

fn message(engine: Engine, row: &ExportRow<'_>) -> String {
    write(engine, &ExportOptions::default(), row).expect_err("the row was taken").to_string()
}

fn vector(weights: &[f32]) -> SparseRow {
    SparseRow::from_parts(50_000, (0..weights.len() as u32).collect(), weights.to_vec())
        .expect("a sparse row")
}

fn tokens(weights: &[(&str, f32)]) -> Vec<(String, f32)> {
    weights.iter().map(|&(token, weight)| (token.to_owned(), weight)).collect()
}

#[test]
fn weights_that_are_not_positive_are_refused_where_the_engine_refuses_them() {
    for weight in [-0.5, -f32::MIN_POSITIVE] {
        let (vector, tokens) = (vector(&[1.0, weight]), tokens(&[("a", 1.0), ("b", weight)]));
        let row = ExportRow::new(7, "x").with_vector(&vector).with_tokens(&tokens);
        for engine in Engine::ALL {
            let written = write(engine, &ExportOptions::default(), &row);
            let queried = engine.query(&ExportOptions::default(), &row, TEN);
            match engine {
                Engine::Qdrant | Engine::Pgvector | Engine::Vespa => {
                    written.expect("the engine takes it");
                    queried.expect("the engine takes it");
                }
                _ => {
                    let error = written.expect_err("taken").to_string();
                    assert!(error.starts_with("row 7, "), "{error}");
                    assert!(error.contains(&weight.to_string()), "{error}");
                    assert!(queried.is_err());
                }
            }
        }
    }
}

#[test]
fn lucene_takes_no_subnormal_weight_and_milvus_does() {
    let subnormal = f32::MIN_POSITIVE / 2.0;
    let (vector, tokens) = (vector(&[subnormal]), tokens(&[("a", subnormal)]));
    let row = ExportRow::new(1, "x").with_vector(&vector).with_tokens(&tokens);
    for engine in [
        Engine::Elasticsearch,
        Engine::ElasticsearchSparseVector,
        Engine::OpenSearch,
        Engine::OpenSearchSparseVector,
    ] {
        assert!(message(engine, &row).contains("takes weights from"), "{engine}");
    }
    write(Engine::Milvus, &ExportOptions::default(), &row).expect("taken");
    let (vector, tokens) =
        (self::vector(&[f32::MIN_POSITIVE]), self::tokens(&[("a", f32::MIN_POSITIVE)]));
    let row = ExportRow::new(1, "x").with_vector(&vector).with_tokens(&tokens);
    for engine in Engine::ALL {
        write(engine, &ExportOptions::default(), &row).expect("taken");
    }
}

#[test]
fn weights_of_tokens_are_finite() {
    for weight in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let tokens = tokens(&[("a", weight)]);
        let error = message(Engine::Vespa, &ExportRow::new(3, "x").with_tokens(&tokens));
        assert_eq!(error, format!("row 3, token \"a\": weight {weight} is not finite"));
    }
}

#[test]
fn an_empty_token_is_refused() {
    let tokens = tokens(&[("a", 1.0), ("", 1.0)]);
    for engine in Engine::ALL.into_iter().filter(|engine| engine.key() == Key::Token) {
        let error = message(engine, &ExportRow::new(4, "x").with_tokens(&tokens));
        assert!(error.starts_with("row 4: a token is empty"), "{error}");
    }
}

#[test]
fn no_two_tokens_of_a_vocabulary_share_a_key() {
    let tokens =
        tokens(&[(".", 2.5), ("_", 1.5), ("%", 1.0), ("%2E", 0.5), ("a.b", 4.0), ("a_b", 3.0)]);
    let row = ExportRow::new(1, "x").with_tokens(&tokens);
    for engine in Engine::ALL.into_iter().filter(|engine| engine.key() == Key::Token) {
        let mut writer =
            ExportWriter::new(engine, ExportOptions::default(), Vec::new()).expect("names");
        writer.write(&row).expect("taken");
        let rows = String::from_utf8(writer.finish().expect("written")).expect("UTF-8");
        let query = engine.query(&ExportOptions::default(), &row, TEN).expect("taken");
        for (token, weight) in &tokens {
            let dotless =
                engine == Engine::Elasticsearch || engine == Engine::ElasticsearchSparseVector;
            let key = match dotless {
                true => token.replace('%', "%25").replace('.', "%2E"),
                false => token.clone(),
            };
            let number = serde_json::Value::from(*weight).to_string();
            let number = number.trim_end_matches(".0");
            let entry = format!("\"{key}\":{number}");
            assert!(rows.contains(&entry), "{engine}: {entry} in {rows}");
            let is_key = [format!("\"{key}\""), format!("tokens.{key}\""), format!("'{key}'")];
            assert!(is_key.iter().any(|key| query.contains(key)), "{engine}: {key} in {query}");
        }
    }
}

#[test]
fn a_token_that_is_there_twice_is_refused() {
    let tokens = tokens(&[("a", 1.0), ("b", 1.0), ("a", 2.0)]);
    for engine in Engine::ALL.into_iter().filter(|engine| engine.key() == Key::Token) {
        let error = message(engine, &ExportRow::new(4, "x").with_tokens(&tokens));
        assert!(error.starts_with("row 4: the token \"a\" occurs twice"), "{error}");
    }
}

#[test]
fn a_row_without_the_key_of_the_engine_is_refused() {
    let (vector, tokens) = (vector(&[1.0]), tokens(&[("a", 1.0)]));
    for engine in Engine::ALL {
        let row = match engine.key() {
            Key::Token => ExportRow::new(2, "x").with_vector(&vector),
            Key::Index => ExportRow::new(2, "x").with_tokens(&tokens),
        };
        let error = message(engine, &row);
        assert!(error.starts_with("row 2: ") && error.contains("keyed by"), "{error}");
    }
}

#[test]
fn a_sparsevec_has_at_most_16_000_weights_and_1_000_in_an_hnsw_index() {
    let hnsw = ExportOptions::default().with_pgvector_index(PgvectorIndex::Hnsw);
    for (options, limit) in [(ExportOptions::default(), SPARSEVEC_MAX_NNZ), (hnsw, HNSW_MAX_NNZ)] {
        let fits = vector(&vec![1.0; limit]);
        write(Engine::Pgvector, &options, &ExportRow::new(1, "x").with_vector(&fits))
            .expect("taken");
        let over = vector(&vec![1.0; limit + 1]);
        let row = ExportRow::new(9, "x").with_vector(&over);
        let error = write(Engine::Pgvector, &options, &row).expect_err("taken").to_string();
        assert!(error.starts_with(&format!("row 9: {} weights, ", limit + 1)), "{error}");
        assert!(error.ends_with(&format!("at most {limit}: lower max_active_dims")), "{error}");
        assert!(Engine::Pgvector.query(&options, &row, TEN).is_err());
    }
}

#[test]
fn a_sparsevec_has_at_most_a_billion_dimensions() {
    let options = ExportOptions::default();
    Engine::Pgvector.setup(&options, SPARSEVEC_MAX_DIM).expect("taken");
    Engine::Pgvector.setup(&options, SPARSEVEC_MAX_DIM + 1).expect_err("taken");
    let wide = SparseRow::from_parts(SPARSEVEC_MAX_DIM + 1, vec![0], vec![1.0]).expect("a row");
    let error = message(Engine::Pgvector, &ExportRow::new(1, "x").with_vector(&wide));
    assert!(error.contains("1000000001"), "{error}");
}

#[test]
fn rows_without_weights_are_kept_left_out_or_refused_for_each_engine() {
    let (empty, full) = (vector(&[]), vector(&[1.0]));
    let tokens = tokens(&[("a", 1.0)]);
    let rows = [
        ExportRow::new(4, "x").with_vector(&full).with_tokens(&tokens),
        ExportRow::new(5, "y").with_vector(&empty).with_tokens(&[]),
        ExportRow::new(6, "z").with_vector(&full).with_tokens(&tokens),
    ];
    let written = |engine, empty_rows, rows: &[ExportRow<'_>]| {
        let options = ExportOptions::default().with_empty_rows(empty_rows);
        let mut writer = ExportWriter::new(engine, options, Vec::new()).expect("names are right");
        for row in rows {
            writer.write(row).map_err(|error| error.to_string())?;
        }
        let counts = (writer.rows(), writer.n_empty());
        Ok::<_, String>((counts, writer.finish().expect("a Vec takes every write")))
    };
    for engine in Engine::ALL {
        let (counts, kept) = written(engine, EmptyRows::Keep, &rows).expect("taken");
        assert_eq!(counts, (3, 1), "{engine}");
        assert!(
            kept.windows(3).any(|bytes| bytes == b"\"y\"" || bytes == b"::y" || bytes == b"\ny\t")
        );
        // If skipped, it leaves no trace.
        let (counts, skipped) = written(engine, EmptyRows::Skip, &rows).expect("taken");
        assert_eq!(counts, (2, 1), "{engine}");
        let (_, without) = written(engine, EmptyRows::Keep, &[rows[0], rows[2]]).expect("taken");
        assert_eq!(skipped, without, "{engine}");
        let error = written(engine, EmptyRows::Refuse, &rows).expect_err("taken");
        assert!(error.starts_with("row 5: no weights"), "{engine}: {error}");
    }
}

#[test]
fn a_query_without_weights_is_refused_by_all() {
    let empty = vector(&[]);
    let row = ExportRow::new(5, "").with_vector(&empty).with_tokens(&[]);
    for engine in Engine::ALL {
        let error = engine.query(&ExportOptions::default(), &row, TEN).expect_err("taken");
        assert_eq!(error.to_string(), "row 5: the query has no weights", "{engine}");
    }
}

#[test]
fn ids_are_refused_that_the_engine_would_refuse() {
    let (vector, tokens) = (vector(&[1.0]), tokens(&[("a", 1.0)]));
    let refused = |engine, id: &str| {
        let row = ExportRow::new(6, id).with_vector(&vector).with_tokens(&tokens);
        match write(engine, &ExportOptions::default(), &row) {
            Ok(()) => false,
            Err(error) => {
                assert!(error.to_string().starts_with("row 6: "), "{error}");
                true
            }
        }
    };
    for engine in Engine::ALL {
        assert!(refused(engine, ""), "{engine}");
        assert!(!refused(engine, &"x".repeat(512)), "{engine}");
        let lucene =
            !matches!(engine, Engine::Qdrant | Engine::Pgvector | Engine::Vespa | Engine::Milvus);
        assert_eq!(refused(engine, &"x".repeat(513)), lucene, "{engine}");
    }
    assert!(refused(Engine::Pgvector, "a\0b"));
    assert!(refused(Engine::Milvus, &"x".repeat(65_536)));
    assert!(refused(Engine::Vespa, &"x".repeat(0x10000)));
    assert!(refused(Engine::Vespa, "a\u{1}b"));
    assert!(refused(Engine::Vespa, "\u{1FFFF}"));
    assert!(!refused(Engine::Vespa, "a\tb\u{FFFF}:c/ü"));
}

#[test]
fn an_id_that_comes_twice_is_refused_unless_the_caller_wants_it() {
    let vector = vector(&[1.0]);
    let row = |number| ExportRow::new(number, "doc").with_vector(&vector);
    let options = ExportOptions::default();
    let mut writer = ExportWriter::new(Engine::Qdrant, options.clone(), Vec::new()).expect("names");
    writer.write(&row(1)).expect("taken");
    let error = writer.write(&row(2)).expect_err("taken").to_string();
    assert!(error.starts_with("row 2: id \"doc\" occurred in an earlier row"), "{error}");
    assert_eq!(writer.rows(), 1);

    let options = options.with_duplicate_ids(DuplicateIds::Write);
    let mut writer = ExportWriter::new(Engine::Qdrant, options, Vec::new()).expect("names");
    writer.write(&row(1)).expect("taken");
    writer.write(&row(2)).expect("taken");
    assert_eq!(writer.rows(), 2);
}

#[test]
fn rows_of_one_export_have_one_dimension() {
    let (narrow, wide) = (
        SparseRow::from_parts(3, vec![0], vec![1.0]).expect("a row"),
        SparseRow::from_parts(4, vec![0], vec![1.0]).expect("a row"),
    );
    let mut writer =
        ExportWriter::new(Engine::Pgvector, ExportOptions::default(), Vec::new()).expect("names");
    writer.write(&ExportRow::new(1, "a").with_vector(&narrow)).expect("taken");
    let error = writer.write(&ExportRow::new(2, "b").with_vector(&wide)).expect_err("taken");
    assert_eq!(error.to_string(), "row 2 has dimension 4, the rows before it 3");
}

#[test]
fn vespa_refuses_tokens_that_its_forms_cannot_hold() {
    let tokens = tokens(&[("a\u{0}b", 1.0)]);
    let row = ExportRow::new(8, "x").with_tokens(&tokens);
    assert!(message(Engine::Vespa, &row).starts_with("row 8: vespa cannot hold the token"));
    let tokens = self::tokens(&[("'\"", 1.0)]);
    let row = ExportRow::new(8, "x").with_tokens(&tokens);
    write(Engine::Vespa, &ExportOptions::default(), &row).expect("JSON has escapes");
    let error = Engine::Vespa.query(&ExportOptions::default(), &row, TEN).expect_err("taken");
    assert!(error.to_string().contains("no escape for both quotes"), "{error}");
}

#[test]
fn an_unknown_engine_is_answered_with_the_known_ones() {
    for engine in Engine::ALL {
        assert_eq!(engine.name().parse::<Engine>().expect("known"), engine);
    }
    let error = "solr".parse::<Engine>().expect_err("known").to_string();
    assert!(error.contains("`solr`") && error.contains("opensearch-sparse-vector"), "{error}");
}
