"""Show the files of crates/export to the engines' own parsers, and compare answers with brute force.

    python -m venv .venv
    .venv/bin/pip install qdrant-client==1.20.0 pgvector==0.5.1 pymilvus==3.0.2 milvus-lite==3.2.2 \
        elasticsearch==9.5.1 opensearch-py==3.2.0 pyvespa==1.2.9 vespacli==8.763.13 numpy==2.4.6
    .venv/bin/python tests/reference/engines.py rows        # rewrites golden/export/rows.json
    cargo run -p splade-export --example export_files       # rewrites our files beside it
    .venv/bin/python tests/reference/engines.py check       # rewrites golden/export/checked.json

`check` also wants PostgreSQL 15 with pgvector 0.7 or later (0.8.6 was used, built from its tag), as root
or as a user who may start a server; it makes a cluster of its own in a temporary folder.
Files that a parser refuses, answers that differ and rows that get lost end the run with an assertion.

| Form | Who reads it |
|---|---|
| qdrant | qdrant-client: its pydantic models of the REST API, and its local mode |
| elasticsearch, elasticsearch-sparse-vector | elasticsearch.dsl parses mappings and queries; `_bulk` by its documented rules |
| opensearch | opensearchpy's field types; queries by their documented shape (the client has no class for them) |
| opensearch-sparse-vector | its documented shape |
| pgvector | pgvector's Python types, and a PostgreSQL server: COPY, DDL, queries, limits |
| vespa | the `vespa` program feeds a stand-in for a server; pyvespa writes the same schema; tensor literals by Vespa's grammar |
| milvus | pymilvus and milvus-lite: collection, insert, search, what they refuse |
"""

import json
import random
import struct
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np

import engines_lucene
import engines_milvus
import engines_postgres
import engines_qdrant
import engines_vespa
from compact_json import write
from engines_truth import Truth

GOLDEN = Path(__file__).parent / "golden" / "export"

# Tokens that break something somewhere: full stops, quotes, words of Vespa's JSON, blanks, braces.
AWKWARD = [
    "[PAD]", "[CLS]", ".", "_", "a.b", "a_b", "...", "___", "##ing", "Ġfoo", '"', "'", "\\", "\\n", "cells",
    "blocks", "type", "values", "é", "日本", "{", "}", ",", ":", " ", "0", "1.5", "\U0001f600", "<unk>", "-", "$", "%",
]
# The same for ids.
IDS = [
    "0", "17", "18446744073709551615", "18446744073709551616", "00042", "-1", "doc.1", "a/b?c#d%e", "日本語", "a:b::c",
    "d3b07384-d9a0-4c9b-8f3e-1c2b3a4d5e6f", "D3B07384-D9A0-4C9B-8F3E-1C2B3A4D5E6F", "d3b07384d9a04c9b8f3e1c2b3a4d5e6f",
    "\\N", "\\.", "\\", "tab\tid", "line\nid", "cr\rid", "'; DROP TABLE passages; --", '"quoted"', " blank ", "null",
]


def f32(value: float) -> np.float32:
    return np.float32(struct.unpack("f", struct.pack("f", value))[0])


def rows() -> None:
    draw = random.Random(7)
    vocab = AWKWARD + [f"tok{i}" for i in range(len(AWKWARD), 64)]

    def row(name: str, least: int, most: int) -> dict:
        indices = sorted(draw.sample(range(len(vocab)), draw.randint(least, most)))
        return {"id": name, "indices": indices, "values": [f32(draw.uniform(0.01, 3.5)) for _ in indices]}

    documents = [row(name, 4, 30) for name in IDS] + [row(f"doc{i}", 4, 30) for i in range(len(IDS), 39)]
    # Weights that need exponents, or all nine digits; and no weights at all.
    documents[3]["values"][:4] = [f32(2.0**-126), f32(1e-7), f32(16777217.0), f32(0.1)]
    documents.append({"id": "empty", "indices": [], "values": []})
    queries = [row(f"query{i}", 3, 12) for i in range(6)]
    write(GOLDEN / "rows.json", {"k": 5, "vocab": vocab, "documents": documents, "queries": queries})


def check() -> None:
    truth = Truth.read(GOLDEN / "rows.json")
    claims = {
        **engines_qdrant.check(GOLDEN, truth),
        **engines_lucene.check(GOLDEN, truth),
        **engines_postgres.check(GOLDEN, truth),
        **engines_vespa.check(GOLDEN, truth),
        **engines_milvus.check(GOLDEN, truth),
    }
    packages = ["qdrant-client", "pgvector", "pymilvus", "milvus-lite", "elasticsearch", "opensearch-py", "pyvespa", "vespacli"]
    ours = sorted(path for path in GOLDEN.iterdir() if path.name not in ("rows.json", "checked.json"))
    checked = {
        "versions": {name: version(name) for name in packages} | {"postgres": engines_postgres.versions()},
        "claims": claims,
        "files": {path.name: path.stat().st_size for path in ours},
    }
    text = json.dumps(checked, indent=1, ensure_ascii=False) + "\n"
    (GOLDEN / "checked.json").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    {"rows": rows, "check": check}[sys.argv[1]]()
