"""Search: over vectors in memory, and over an index on disk."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from splade import _splade, checks, outputs


def search(queries: Any, documents: Any, k: int) -> list[list[tuple[int, float]]]:
    """The `k` rows of `documents` with the largest dot product with each query: rows and scores.

    Both are vectors of `encode`, one or several: ours, scipy's, or torch's.
    """
    queries, documents = outputs.rows("queries", queries), outputs.rows("documents", documents)
    return _splade.search(queries, documents, checks.required("k", k))


class Index:
    """Documents with ids, mapped into memory; search is exact."""

    def __init__(self, native: _splade.Index) -> None:
        self._native = native

    @classmethod
    def build(
        cls,
        path: str | os.PathLike[str],
        vectors: Any,
        ids: Sequence[str],
        weight_format: str = "f32",
        metadata: str = "",
    ) -> Index:
        """Writes an index of vectors, row i with `ids[i]`, and opens it. Weights are stored as
        "f32", "f16" or "u8"; `metadata` is a text of yours."""
        if isinstance(ids, str):
            raise TypeError(f"ids is the string {ids!r}: give a list of ids")
        vectors = outputs.rows("vectors", vectors)
        return cls(_splade.Index.build(path, vectors, ids, weight_format, metadata))

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Index:
        """Opens an index."""
        return cls(_splade.Index.open(path))

    def search(self, queries: Any, k: int) -> list[list[tuple[str, float]]]:
        """The `k` documents with the largest dot product with each query: ids and scores. `queries`
        are vectors of `encode`, one or several: ours, scipy's, or torch's."""
        return self._native.search(outputs.rows("queries", queries), checks.required("k", k))

    def explain(self, query: Any, id: str) -> list[tuple[int, float, float, float]]:
        """The terms that a query shares with a document: index, both weights, and their product."""
        queries = outputs.rows("query", query)
        if len(queries) != 1:
            raise ValueError(f"query is {len(queries)} vectors, expected one")
        return self._native.explain(queries[0], id)

    def verify(self) -> None:
        """Reads all of the index, and raises an error if it is damaged."""
        self._native.verify()

    @property
    def dimension(self) -> int:
        """Length of a vector when written densely."""
        return self._native.dimension

    @property
    def nnz(self) -> int:
        """Number of weights."""
        return self._native.nnz

    @property
    def metadata(self) -> str:
        """The text that it was built with."""
        return self._native.metadata

    @property
    def path(self) -> Any:
        """The file."""
        return self._native.path

    def __len__(self) -> int:
        return len(self._native)

    def __repr__(self) -> str:
        return repr(self._native)

    def __reduce__(self) -> Any:
        return type(self).open, (os.path.abspath(self.path),)
