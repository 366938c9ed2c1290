# /// script
# requires-python = "==3.11.*"
# dependencies = [
#     "sentence-transformers==6.2.0",
#     "torch==2.15.0",
#     "numpy==2.4.6",
#     "pytrec_eval-terrier==0.5.10",
# ]
# ///
"""Write golden/measures.json: what sentence-transformers and trec_eval say of random runs, judgements and rows."""

import json
import tempfile
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytrec_eval
import torch
from sentence_transformers import SparseEncoder
from sentence_transformers.sentence_transformer.evaluation import InformationRetrievalEvaluator
from sentence_transformers.sparse_encoder.evaluation import (
    ReciprocalRankFusionEvaluator,
    SparseInformationRetrievalEvaluator,
)

import compact_json

OUTPUT = Path(__file__).parent / "golden" / "measures.json"
PACKAGES = ["sentence-transformers", "torch", "numpy", "pytrec_eval-terrier"]

Judgements = dict[str, dict[str, int]]
Run = dict[str, dict[str, float]]

CUTOFFS = "1,3,5,10,100"
TREC_MEASURES = {
    "num_q", "num_ret", "num_rel", "num_rel_ret", "map", "recip_rank", "ndcg",
    f"ndcg_cut.{CUTOFFS}", f"map_cut.{CUTOFFS}", f"P.{CUTOFFS}", f"recall.{CUTOFFS}", "success.1,5,10",
}  # fmt: skip
OTHER_CUTOFFS = dict(
    mrr_at_k=[1, 4, 50], ndcg_at_k=[1, 4, 50], accuracy_at_k=[2, 50], precision_recall_at_k=[2, 50], map_at_k=[1, 4, 50]
)


def main() -> None:
    golden = {"versions": {name: version(name) for name in PACKAGES}}
    golden["collections"] = [collection(name, seed, scores) for name, seed, scores in [
        ("ties", 1, lambda rng: float(rng.integers(0, 6)) / 2),
        ("graded", 2, lambda rng: float(rng.normal())),
        # Only in f32 do these tie.
        ("close", 3, lambda rng: 1.0 + float(rng.integers(0, 40)) * 1e-9),
    ]]  # fmt: skip
    golden["program"] = program(6)
    golden["sparse"] = sparse(4)
    golden["fusion"] = fusion(5)
    compact_json.write(OUTPUT, golden)
    print(OUTPUT, OUTPUT.stat().st_size, "bytes")


def collection(name: str, seed: int, score) -> dict:
    rng = np.random.default_rng(seed)
    judgements, run = draw(rng, score)
    return {
        "name": name,
        "judgements": judgements,
        "run": run,
        "sentence_transformers": {
            "defaults": binary(judgements, run, {}),
            "cutoffs": binary(judgements, run, OTHER_CUTOFFS),
        },
        "trec_eval": {
            "in_run": graded(judgements, run, 1),
            "level_2": graded(judgements, run, 2),
            # trec_eval -c: a judged query that the run lacks has an empty ranking.
            "judged": graded(judgements, {query: run.get(query, {}) for query in judgements}, 1),
            # pytrec_eval has the f32 scores of trec_eval 9. trec_eval 10 compares them as f64.
            "double": graded(judgements, {query: ranks(hits) for query, hits in run.items()}, 1),
        },
    }


def draw(rng: np.random.Generator, score) -> tuple[Judgements, Run]:
    """Queries of every kind: q0 and q1 have no results (one is absent), q2 no relevant document, q3 fewer results
    than the largest k, q4 fewer relevant documents than the smallest, q5 and q6 are only in one of both."""
    documents = [f"d{i}" for i in range(30)] + ["D1", "é1", "文1", "😀", "d-1", "d_1", "\uffee"]
    grades = [-1, 0, 0, 1, 1, 2, 3]
    judgements, run = {}, {}
    for i in range(14):
        query = f"q{i}"
        judged = rng.choice(documents, size=int(rng.integers(4, 25)), replace=False)
        found = rng.choice(documents, size=int(rng.integers(12, 36)), replace=False)
        judgements[query] = {str(document): int(rng.choice(grades)) for document in judged}
        run[query] = {str(document): score(rng) for document in found}
    run["q0"] = {}
    del run["q1"]
    # All below 0 would be undefined in trec_eval: it then uses a count that the query before has left.
    judgements["q2"] = {document: min(grade, 0) for document, grade in judgements["q2"].items()} | {"d0": 0}
    run["q3"] = dict(list(run["q3"].items())[:2])
    judgements["q4"] = {"d3": 0, "d4": 2}
    del judgements["q5"]
    del run["q6"]
    return judgements, run


def binary(judgements: Judgements, run: Run, options: dict) -> dict:
    """`compute_metrics` of all queries, and of each alone."""
    relevant = {query: {d for d, grade in docs.items() if grade > 0} for query, docs in judgements.items()}
    return {
        "summary": binary_of(list(judgements), relevant, run, options),
        "queries": {
            query: binary_of([query], relevant, run, options) for query in judgements if len(relevant[query]) > 0
        },
    }


def binary_of(queries: list[str], relevant: dict[str, set[str]], run: Run, options: dict) -> dict[str, float]:
    evaluator = InformationRetrievalEvaluator({query: query for query in queries}, {"d": "d"}, relevant, **options)
    results = [
        [{"corpus_id": document, "score": score} for document, score in run.get(query, {}).items()]
        for query in evaluator.queries_ids
    ]
    metrics = evaluator.compute_metrics(results)
    return {name.replace("@k", f"@{k}"): float(value) for name, at in metrics.items() for k, value in at.items()}


def graded(judgements: Judgements, run: Run, level: int) -> dict:
    evaluator = pytrec_eval.RelevanceEvaluator(judgements, TREC_MEASURES, relevance_level=level)
    # pytrec_eval fails silently at a first query without results (it asks for no memory, gets none, and all is 0).
    queries = evaluator.evaluate(dict(sorted(run.items(), key=lambda item: len(item[1]) == 0)))
    names = list(next(iter(queries.values())))
    return {
        "summary": {
            name: pytrec_eval.compute_aggregated_measure(name, [values[name] for values in queries.values()])
            for name in names
        },
        # Of every query only some measures: the file stays small.
        "queries": {
            query: {name: values[name] for name in names if name.rpartition("_")[2] not in ("3", "100", "q")}
            for query, values in queries.items()
        },
    }


def program(seed: int) -> dict:
    """What the options of `splade evaluate --trec` must give for files. Each query finds a document with its own id
    first; a file of a run cannot say that a query found nothing."""
    judgements, run = draw(np.random.default_rng(seed), lambda rng: float(rng.normal()))
    run = {query: hits | {query: 9.0} for query, hits in run.items() if hits}
    # BEIR's EvaluateRetrieval.evaluate(ignore_identical_ids=True) takes them out of the results.
    others = {query: {d: score for d, score in hits.items() if d != query} for query, hits in run.items()}
    complete = {query: run.get(query, {}) for query in judgements}
    return {
        "judgements": judgements,
        "run": run,
        "default": graded(judgements, run, 1)["summary"],
        "level_2": graded(judgements, run, 2)["summary"],
        "complete": graded(judgements, complete, 1)["summary"],
        "level_2_complete": graded(judgements, complete, 2)["summary"],
        "remove_identical_ids": graded(judgements, others, 1)["summary"],
    }


def ranks(hits: dict[str, float]) -> dict[str, float]:
    """Other scores for the ranking that trec_eval makes of f64: falling score, ties by falling bytes of the id."""
    order = sorted(hits, key=lambda document: (hits[document], document.encode()), reverse=True)
    return {document: float(-rank) for rank, document in enumerate(order)}


class Rows:
    """Stands for a SparseEncoder: `encode_*` look rows up, all else is SparseEncoder's own."""

    similarity_fn_name = "dot"
    sparsity = staticmethod(SparseEncoder.sparsity)

    def __init__(self, queries: torch.Tensor, corpus: torch.Tensor):
        self.queries, self.corpus = queries, corpus
        self.model_card_data = self

    def set_evaluation_metrics(self, *args, **kwargs) -> None:
        pass

    @staticmethod
    def similarity(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return a.to_dense() @ b.to_dense().T

    def encode_query(self, texts: list[str], **kwargs) -> torch.Tensor:
        return self.queries[[int(text) for text in texts]].to_sparse()

    def encode_document(self, texts: list[str], **kwargs) -> torch.Tensor:
        return self.corpus[[int(text) for text in texts]].to_sparse()


def sparse(seed: int) -> dict:
    """A whole SparseInformationRetrievalEvaluator. Weights are small whole numbers: scores are exact, and many tie."""
    rng = np.random.default_rng(seed)
    dimension, n_queries, n_documents = 48, 9, 120
    queries = rows(rng, n_queries, dimension, 0.08)
    corpus = rows(rng, n_documents, dimension, 0.15)
    queries[2] = 0
    corpus[7] = 0
    ids = [f"d{int(i)}" for i in rng.permutation(n_documents)]
    relevant = {
        f"q{i}": {str(d) for d in rng.choice(ids, size=int(rng.integers(1, 9)), replace=False)}
        for i in range(n_queries)
    }
    relevant["q4"] = set()
    evaluator = SparseInformationRetrievalEvaluator(
        queries={f"q{i}": str(i) for i in range(n_queries)},
        corpus={document: str(i) for i, document in enumerate(ids)},
        relevant_docs=relevant,
        corpus_chunk_size=50,
    )
    results = evaluator(Rows(torch.tensor(queries), torch.tensor(corpus)))
    return {
        "dimension": dimension,
        # What the evaluator encodes: queries without a relevant document are left out.
        "queries": {f"q{i}": weights(queries[i]) for i in range(n_queries) if relevant[f"q{i}"]},
        "corpus": {document: weights(corpus[i]) for i, document in enumerate(ids)},
        "relevant": {query: sorted(documents) for query, documents in relevant.items()},
        "results": {name: float(value) for name, value in results.items()},
    }


def rows(rng: np.random.Generator, n_rows: int, dimension: int, density: float) -> np.ndarray:
    return (rng.integers(1, 4, (n_rows, dimension)) * (rng.random((n_rows, dimension)) < density)).astype(np.float32)


def weights(row: np.ndarray) -> list[list[int]]:
    return [[int(i), int(row[i])] for i in np.flatnonzero(row)]


def fusion(seed: int) -> list[dict]:
    """Rankings of two systems, and the order in which ReciprocalRankFusionEvaluator joins them."""
    rng = np.random.default_rng(seed)
    samples = []
    for i, (n_dense, n_sparse) in enumerate([(6, 6), (3, 8), (0, 4), (9, 1)]):
        documents = [f"d{int(d)}" for d in rng.permutation(12)]
        dense, sparse = ([str(d) for d in rng.permutation(documents)[:n]] for n in (n_dense, n_sparse))
        samples.append(dict(query_id=f"q{i}", query="", positive=[documents[0]], dense=dense, sparse=sparse))
    of = lambda system: [sample | {"documents": sample[system]} for sample in samples]  # noqa: E731
    golden = []
    for rrf_k in [60, 5]:
        evaluator = ReciprocalRankFusionEvaluator(
            of("dense"), of("sparse"), rrf_k=rrf_k, write_predictions=True, show_progress_bar=False
        )
        with tempfile.TemporaryDirectory() as folder:
            evaluator(output_path=folder)
            (path,) = Path(folder).glob("*.jsonl")
            fused = [json.loads(line)["documents"] for line in path.read_text(encoding="utf-8").splitlines()]
        golden += [
            dict(rrf_k=rrf_k, dense=sample["dense"], sparse=sample["sparse"], fused=documents)
            for sample, documents in zip(samples, fused, strict=True)
        ]
    return golden


if __name__ == "__main__":
    main()
