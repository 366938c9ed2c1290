"""Search in memory and by an index: forms of vectors, what is found, what is refused."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from conftest import TEXTS

import splade
from splade import SparseEncoder


def test_a_search_finds_what_scores_best(model: SparseEncoder, tmp_path: object) -> None:
    matrix = model.encode(TEXTS[:3], output="splade")
    scores = model.similarity(matrix, matrix)
    hits = splade.search(matrix, matrix, 2)
    assert [row[0][0] for row in hits] == [0, 1, 2]
    assert hits[0][0][1] == scores[0, 0]
    index = splade.Index.build(f"{tmp_path}/i", matrix, ["a", "b", "c"])
    assert [row[0] for row in index.search(matrix, 1)] == [
        (name, scores[row, row]) for row, name in enumerate("abc")
    ]
    products = [product for *_, product in index.explain(matrix[0], "a")]
    assert sum(products) == pytest.approx(scores[0, 0])
    with pytest.raises(KeyError):
        index.explain(matrix[0], "nobody")


@pytest.mark.parametrize("form", ["splade", "scipy", pytest.param("torch", marks=pytest.mark.torch)])
def test_a_search_takes_each_form_and_single_vectors(
    model: SparseEncoder, tmp_path: Path, form: str
) -> None:
    from splade import engines

    own = model.encode(TEXTS[:3], output="splade")
    vectors = model.encode(TEXTS[:3], output=form)
    one = model.encode(TEXTS[1], output=form) if form != "scipy" else vectors[1]
    expected = splade.search(own, own, 2)
    assert splade.search(vectors, vectors, np.int64(2)) == expected
    assert splade.search(one, own, 2) == expected[1:2]
    index = splade.Index.build(tmp_path / "i", vectors, list("abc"))
    hits = [("abc"[row], score) for row, score in expected[1]]
    assert index.search(one, 2) == [hits]
    assert index.explain(one, "b") == index.explain(own[1], "b")
    assert engines.export(model, tmp_path / "out", "qdrant", vectors, ["1", "2", "3"]) == 3


@pytest.mark.parametrize(("weight_format", "tolerance"), [("f32", 1e-6), ("f16", 1e-3), ("u8", 2e-2)])
def test_an_index_is_verified_and_opened_again(
    model: SparseEncoder, tmp_path: Path, weight_format: str, tolerance: float
) -> None:
    matrix = model.encode(TEXTS[:3], output="splade")
    built = splade.Index.build(tmp_path / "i", matrix, list("abc"), weight_format, "mine")
    for index in (built, splade.Index.open(tmp_path / "i"), pickle.loads(pickle.dumps(built))):
        index.verify()
        assert (len(index), index.dimension, index.nnz) == (3, matrix.shape[1], matrix.nnz)
        assert index.metadata == "mine" and Path(index.path) == tmp_path / "i"
        found = index.search(matrix[0], 1)[0][0]
        assert found[0] == "a" and found[1] == pytest.approx(matrix[0].dot(matrix[0]), rel=tolerance)
    data = bytearray((tmp_path / "i").read_bytes())
    data[len(data) // 2] ^= 0xFF
    (tmp_path / "j").write_bytes(data)
    with pytest.raises(Exception, match="j"):
        splade.Index.open(tmp_path / "j").verify()


def test_a_search_refuses_by_name(model: SparseEncoder, tmp_path: Path) -> None:
    matrix = model.encode(TEXTS[:2], output="splade")
    index = splade.Index.build(tmp_path / "i", matrix, ["a", "b"])
    for k in (0, -1, True, 2.0):
        for search in (index.search, lambda queries, k: splade.search(queries, matrix, k)):
            with pytest.raises(ValueError, match=f"k must be a positive integer, got {k}"):
                search(matrix, k)
    with pytest.raises(TypeError, match="queries is a list, expected vectors"):
        index.search([1.0], 1)
    with pytest.raises(TypeError, match="documents is a str"):
        splade.search(matrix, "a", 1)
    with pytest.raises(TypeError, match="ids is the string 'ab'"):
        splade.Index.build(tmp_path / "k", matrix, "ab")
    with pytest.raises(ValueError, match="query is 2 vectors"):
        index.explain(matrix, "a")
    with pytest.raises(ValueError, match="weight_format is f8"):
        splade.Index.build(tmp_path / "k", matrix, ["a", "b"], "f8")
