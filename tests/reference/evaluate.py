"""What sentence-transformers' evaluator says of a model on a folder in BEIR's form.

The measures of `splade evaluate MODEL FOLDER --json` come from here:

    pip install sentence-transformers==6.2.0 torch
    python evaluate.py ../fixtures/splade-tiny scifact --max-active-dims 32 64

The folder holds corpus.jsonl, queries.jsonl and qrels/SPLIT.tsv (or qrels.tsv). A document's text is its title, a space
and its text. Queries without a relevant document (score above 0) do not count, as the evaluator has it.
"""

import argparse
import csv
import json
from pathlib import Path

from sentence_transformers import SparseEncoder
from sentence_transformers.sparse_encoder.evaluation import SparseInformationRetrievalEvaluator


def read_lines(path: Path) -> list[dict]:
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def read_folder(folder: Path, split: str) -> tuple[dict, dict, dict]:
    queries = {record["_id"]: record["text"] for record in read_lines(folder / "queries.jsonl")}
    corpus = {
        record["_id"]: f"{record.get('title', '')} {record['text']}".strip()
        for record in read_lines(folder / "corpus.jsonl")
    }
    relevant: dict[str, set[str]] = {}
    qrels = folder / "qrels" / f"{split}.tsv"
    qrels = qrels if qrels.exists() else folder / "qrels.tsv"
    with qrels.open(encoding="utf-8") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            if int(row["score"]) > 0:
                relevant.setdefault(row["query-id"], set()).add(row["corpus-id"])
    return {id: queries[id] for id in queries if id in relevant}, corpus, relevant


def measure(model: str, folder: Path, split: str, limits: list[int]) -> dict:
    """The evaluator's numbers with all weights, and with so many of each vector."""
    queries, corpus, relevant = read_folder(folder, split)
    encoder = SparseEncoder(model, device="cpu")
    results = {}
    for max_active_dims in [None, *limits]:
        evaluator = SparseInformationRetrievalEvaluator(
            queries, corpus, relevant, max_active_dims=max_active_dims, write_csv=False
        )
        results[str(max_active_dims)] = evaluator(encoder)
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--split", default="test")
    parser.add_argument("--max-active-dims", type=int, nargs="*", default=[])
    args = parser.parse_args()
    results = measure(args.model, args.folder, args.split, args.max_active_dims)
    print(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
