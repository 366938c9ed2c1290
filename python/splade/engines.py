"""Vectors for search engines, and the page that explains them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from splade import _splade, outputs

if TYPE_CHECKING:
    from splade.encoder import SparseEncoder

ENGINES = (
    "qdrant",
    "elasticsearch",
    "elasticsearch-sparse-vector",
    "opensearch",
    "opensearch-sparse-vector",
    "pgvector",
    "vespa",
    "milvus",
)


def export(
    model: SparseEncoder,
    path: str | os.PathLike[str],
    engine: str,
    vectors: Any,
    ids: list[str],
    *,
    name: str = "splade",
    field: str | None = None,
) -> int:
    """Writes vectors of `encode`, row i with `ids[i]`, as the engine reads them. Returns the number
    of rows."""
    if isinstance(ids, str):
        raise TypeError(f"ids is the string {ids!r}: give a list of ids")
    rows = outputs.rows("vectors", vectors)
    return _splade.export(model._native, path, engine, rows, ids, name, field)


def setup(
    engine: str, dimension: int, *, name: str = "splade", field: str | None = None
) -> str:
    """What the engine needs first: a mapping, a schema, a table."""
    return _splade.export_setup(engine, dimension, name, field)


def explain(
    model: SparseEncoder, documents: Any, queries: Any | None = None, title: str | None = None
) -> str:
    """Texts, or one text, their tokens and their vectors as one HTML page, which loads nothing."""
    # A string is one text, not the texts of its letters.
    documents = [documents] if isinstance(documents, str) else documents
    queries = [queries] if isinstance(queries, str) else queries
    return _splade.explain(model._native, documents, queries, title)
