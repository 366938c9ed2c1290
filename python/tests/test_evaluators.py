"""sentence-transformers' evaluators: the same metrics from its model and from ours."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from conftest import FIXTURES, TINY

import splade

pytestmark = pytest.mark.reference

BEIR = FIXTURES / "beir"


@pytest.fixture(scope="module")
def both() -> tuple[Any, Any]:
    from sentence_transformers import SparseEncoder

    return SparseEncoder(str(TINY), device="cpu"), splade.SparseEncoder(str(TINY), device="cpu")


def lines(name: str) -> dict[str, str]:
    rows = [json.loads(line) for line in (BEIR / name).read_text("utf-8").splitlines()]
    return {row["_id"]: " ".join(filter(None, (row.get("title"), row["text"]))) for row in rows}


def judged() -> dict[str, dict[str, int]]:
    grades: dict[str, dict[str, int]] = {}
    with open(BEIR / "qrels" / "test.tsv", encoding="utf-8") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            grades.setdefault(row["query-id"], {})[row["corpus-id"]] = int(row["score"])
    return grades


def relevant() -> dict[str, set[str]]:
    found = {q: {d for d, grade in row.items() if grade > 0} for q, row in judged().items()}
    return {query: documents for query, documents in found.items() if documents}


def evaluators() -> dict[str, Any]:
    from sentence_transformers.sparse_encoder import evaluation as e

    queries, corpus = lines("queries.jsonl"), lines("corpus.jsonl")
    texts = list(corpus.values())
    firsts, seconds = texts[:10], texts[10:20]
    samples = [
        {
            "query": queries[query],
            "positive": [corpus[document] for document in documents],
            "negative": [text for document, text in corpus.items() if document not in documents][:5],
        }
        for query, documents in relevant().items()
    ]
    options: dict[str, Any] = {"write_csv": False, "max_active_dims": 64}
    return {
        "retrieval": lambda m: e.SparseInformationRetrievalEvaluator(
            queries, corpus, relevant(), name="r", **options
        ),
        "similarity": lambda m: e.SparseEmbeddingSimilarityEvaluator(
            firsts, seconds, [i / 10 for i in range(10)], similarity_fn_names=ALL, **options
        ),
        "classification": lambda m: e.SparseBinaryClassificationEvaluator(
            firsts, seconds, [0, 1] * 5, similarity_fn_names=ALL, **options
        ),
        "triplet": lambda m: e.SparseTripletEvaluator(
            firsts, seconds, firsts[::-1], similarity_fn_names=ALL, **options
        ),
        "reranking": lambda m: e.SparseRerankingEvaluator(samples, **options),
        "reranking_each": lambda m: e.SparseRerankingEvaluator(
            samples, use_batched_encoding=False, **options
        ),
        "translation": lambda m: e.SparseTranslationEvaluator(firsts, seconds, **options),
        "mse": lambda m: e.SparseMSEEvaluator(firsts, seconds, teacher_model=m, **options),
    }


ALL = ["cosine", "dot", "euclidean", "manhattan"]
NAMES = ["retrieval", "similarity", "classification", "triplet", "reranking", "reranking_each",
         "translation", "mse"]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_an_evaluator_measures_the_same(both: tuple[Any, Any], name: str) -> None:
    theirs, ours = both
    found, expected = (model.evaluate(evaluators()[name](model)) for model in (ours, theirs))
    assert found.keys() == expected.keys()
    for metric, value in expected.items():
        assert found[metric] == pytest.approx(value, rel=1e-4, abs=1e-4), metric
    assert ours.model_card_data.eval_results[-1]["metrics"].keys() == found.keys()


def test_nano_beir_measures_the_same(
    both: tuple[Any, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    datasets = pytest.importorskip("datasets")
    from sentence_transformers.sparse_encoder.evaluation import SparseNanoBEIREvaluator

    rows = {
        "corpus": [{"_id": i, "text": text} for i, text in lines("corpus.jsonl").items()],
        "queries": [{"_id": i, "text": text} for i, text in lines("queries.jsonl").items()],
        "qrels": [
            {"query-id": query, "corpus-id": document}
            for query, documents in relevant().items()
            for document in documents
        ],
    }

    def load(path: str, subset: str, split: str, **options: Any) -> Any:
        return datasets.Dataset.from_list(rows[subset])

    monkeypatch.setattr(datasets, "load_dataset", load)
    found, expected = (
        SparseNanoBEIREvaluator(["msmarco"], write_csv=False)(model) for model in reversed(both)
    )
    for metric, value in expected.items():
        assert found[metric] == pytest.approx(value, rel=1e-4, abs=1e-4), metric


def test_our_measures_are_the_evaluator_s(both: tuple[Any, Any]) -> None:
    from sentence_transformers.sparse_encoder.evaluation import SparseInformationRetrievalEvaluator

    from splade.evaluate import information_retrieval

    queries, corpus = lines("queries.jsonl"), lines("corpus.jsonl")
    judged_queries = {query: text for query, text in queries.items() if query in relevant()}
    evaluator = SparseInformationRetrievalEvaluator(
        judged_queries, corpus, relevant(), name="r", write_csv=False
    )
    expected = both[0].evaluate(evaluator)
    found = information_retrieval(both[1], judged_queries, corpus, relevant(), name="r")
    for metric, value in expected.items():
        assert found[metric] == pytest.approx(float(value), rel=1e-4, abs=1e-4), metric
