//! Results derived from vectors equal the reference's: scores, intersections, statistics, tokens.

use splade::sparse::intersection;
use splade::{SimilarityFunction, SparseEncoder, SparseMatrix};

use crate::devices::Tested;
use crate::golden::text;
use crate::parity::on_every_device;

fn encode(encoder: &SparseEncoder, names: &[String]) -> SparseMatrix {
    let texts: Vec<_> = names.iter().map(|name| text(name)).collect();
    encoder.encode(&texts).unwrap()
}

/// A score sums some hundred entries, each of which may be off by the tolerance.
fn assert_score(found: f32, exact: f32, tested: &Tested, function: &str, context: &str) {
    let tolerance = match function {
        // A distance of 0 may be the square root of a rounding error, in the reference or here.
        "euclidean" if exact.abs() < 5e-2 => 5e-2,
        "cosine" => tested.tolerance,
        _ => 20.0 * tested.tolerance + tested.tolerance * exact.abs(),
    };
    assert!((found - exact).abs() <= tolerance, "{context}, {function}: {found}, {exact}");
}

#[test]
fn every_similarity_is_the_reference_s() {
    on_every_device(|context, golden, encoder, tested| {
        let embeddings = encode(encoder, &golden.similarity.names);
        for (name, matrix) in &golden.similarity.matrix {
            let function: SimilarityFunction = name.parse().unwrap();
            let scores = function.similarity(&embeddings, &embeddings);
            for (found, exact) in scores.rows().flatten().zip(matrix.iter().flatten()) {
                assert_score(*found, *exact, tested, name, context);
            }
        }
        assert_eq!(golden.similarity.matrix.len(), SimilarityFunction::ALL.len());
        let scores = encoder.similarity(&embeddings, &embeddings);
        assert_eq!(scores, SimilarityFunction::Dot.similarity(&embeddings, &embeddings));
    });
}

#[test]
fn every_pairwise_similarity_is_the_reference_s() {
    on_every_device(|context, golden, encoder, tested| {
        let first = encode(encoder, &golden.similarity.names);
        let second = encode(encoder, &golden.similarity.pairwise_with);
        for (name, expected) in &golden.similarity.pairwise {
            let function: SimilarityFunction = name.parse().unwrap();
            let found = function.similarity_pairwise(&first, &second);
            assert_eq!(found.len(), expected.len());
            for (found, exact) in found.iter().zip(expected) {
                assert_score(*found, *exact, tested, name, context);
            }
        }
        assert_eq!(golden.similarity.pairwise.len(), SimilarityFunction::ALL.len());
    });
}

#[test]
fn the_encoder_s_function_is_the_one_that_was_chosen() {
    let folder = crate::golden::fixture("random/bert-gelu");
    for function in SimilarityFunction::ALL {
        let encoder = SparseEncoder::builder().similarity(function).load(&folder).unwrap();
        let rows = encoder.encode(&["river stone", "garden", ""]).unwrap();
        assert_eq!(encoder.similarity_function(), function);
        assert_eq!(encoder.similarity(&rows, &rows), function.similarity(&rows, &rows));
        let pairs = encoder.similarity_pairwise(&rows, &rows);
        assert_eq!(pairs, function.similarity_pairwise(&rows, &rows));
    }
}

#[test]
fn intersections_are_the_reference_s() {
    on_every_device(|context, golden, encoder, tested| {
        let expected = &golden.intersection;
        let rows = encode(encoder, &expected.names);
        let found = intersection(rows.row(0), rows.row(1));
        // A weight as small as the rounding error may be 0 elsewhere.
        let mut found = found.iter().filter(|(_, value)| value.abs() > 1e-3);
        let expected = expected.indices.iter().zip(&expected.values);
        for (&index, &exact) in expected.filter(|(_, value)| value.abs() > 1e-3) {
            let (found_index, value) = found.next().expect("as many entries");
            let tolerance = 4.0 * tested.tolerance * (1.0 + exact.abs());
            assert_eq!(found_index, index, "{context}");
            assert!((value - exact).abs() <= tolerance, "{context}: {value}, {exact}");
        }
        assert_eq!(found.next(), None, "{context}");
    });
}

#[test]
fn sparsity_is_the_reference_s() {
    on_every_device(|context, golden, encoder, _| {
        let embeddings = encode(encoder, &golden.similarity.names);
        let sparsity = SparseEncoder::sparsity(&embeddings);
        assert!((sparsity.active_dims - golden.sparsity.active_dims).abs() < 1e-3, "{context}");
        let ratio = golden.sparsity.sparsity_ratio;
        assert!((sparsity.sparsity_ratio - ratio).abs() < 1e-6, "{context}");
    });
}

#[test]
fn decoded_tokens_are_the_reference_s_in_its_order() {
    on_every_device(|context, golden, encoder, tested| {
        for expected in &golden.decode {
            let row = encoder.encode_one(text(&expected.name)).unwrap();
            let found = encoder.decode(row.view(), Some(expected.top_k));
            assert_eq!(found.len(), expected.tokens.len(), "{context}: {}", expected.name);
            for ((token, weight), (expected, exact)) in found.iter().zip(&expected.tokens) {
                assert_eq!(token, expected, "{context}");
                let tolerance = tested.tolerance * (1.0 + exact);
                assert!((weight - exact).abs() <= tolerance, "{context}: {weight}, {exact}");
            }
        }
    });
}
