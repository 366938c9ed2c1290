"""Scores of vectors: of tensors as tensors, of our own and scipy's as numpy arrays."""

from __future__ import annotations

from enum import Enum
from typing import Any

import numpy as np

from splade import outputs
from splade._splade import SparseMatrix
from splade.optional import torch


class SimilarityFunction(Enum):
    """How two vectors are compared; higher scores mean more similar."""

    COSINE = "cosine"
    DOT_PRODUCT = "dot"
    DOT = "dot"  # An alias.
    EUCLIDEAN = "euclidean"
    MANHATTAN = "manhattan"

    @staticmethod
    def possible_values() -> list[str]:
        """The names of all functions."""
        return [function.value for function in SimilarityFunction]


def similarity(a: Any, b: Any, function: str) -> Any:
    """Each row of `a` against each row of `b`: `[n, m]`."""
    own = _own(a, b)
    if own is not None:
        return own[0].similarity(own[1], function)
    a, b = (_batch(_tensor(vectors)) for vectors in (a, b))
    if _is_dense_f64(a, b):
        return _dense(a, b, function)
    a, b, device = *(outputs.of_tensor(vectors) for vectors in (a, b)), a.device
    return torch().from_numpy(a.similarity(b, function)).to(device)


def similarity_pairwise(a: Any, b: Any, function: str) -> Any:
    """Row i of `a` against row i of `b`, or one row against each: `[n]`."""
    own = _own(a, b)
    if own is not None:
        return _own_pairwise(*own, function)
    a, b = _tensor(a), _tensor(b)
    is_single = a.dim() == 1 and b.dim() == 1
    a, b = _batch(a), _batch(b)
    if _is_dense_f64(a, b):
        scores = _dense_pairwise(a, b, function)
    else:
        rows, others = outputs.of_tensor(a), outputs.of_tensor(b)
        scores = torch().from_numpy(_own_pairwise(rows, others, function)).to(a.device)
    return scores[0] if is_single else scores


def _own_pairwise(a: SparseMatrix, b: SparseMatrix, function: str) -> np.ndarray:
    if len(a) != len(b) and 1 in (len(a), len(b)):
        return a.similarity(b, function).ravel()
    return a.similarity_pairwise(b, function)


def _own(a: Any, b: Any) -> tuple[Any, Any] | None:
    """Both sides as our own matrices, if both are ours or scipy's."""
    own_a, own_b = outputs.own(a), outputs.own(b)
    if own_a is None and own_b is None:
        return None
    if own_a is None or own_b is None:
        kinds = " and ".join(type(vectors).__name__ for vectors in (a, b))
        raise TypeError(f"cannot compare {kinds}: convert one side to the form of the other")
    return own_a, own_b


def _tensor(vectors: Any) -> Any:
    """A tensor of what sentence-transformers accepts: tensors, arrays, lists of both or of
    numbers."""
    th = torch("similarity of tensors, arrays or lists")
    if isinstance(vectors, np.ndarray):
        return th.from_numpy(np.ascontiguousarray(vectors))
    if isinstance(vectors, (list, tuple)) and len(vectors) > 0:
        if all(isinstance(row, th.Tensor) for row in vectors):
            return th.stack([row.coalesce() if row.is_sparse else row for row in vectors])
        if all(isinstance(row, np.ndarray) for row in vectors):
            return th.from_numpy(np.stack(vectors))
    return vectors if isinstance(vectors, th.Tensor) else th.tensor(vectors)


def _batch(tensor: Any) -> Any:
    if tensor.dim() not in (1, 2):
        raise ValueError(f"vectors are {tensor.dim()}-D: one vector is 1-D, and several are 2-D")
    return tensor.unsqueeze(0) if tensor.dim() == 1 else tensor


def _is_dense_f64(a: Any, b: Any) -> bool:
    """Tensors that need more than the native module's f32."""
    th = torch()
    return not a.is_sparse and not b.is_sparse and th.float64 in (a.dtype, b.dtype)


def _dense(a: Any, b: Any, function: str) -> Any:
    th = torch()
    a, b = _doubles(a, b, function)
    if function in ("cosine", "dot"):
        return a @ b.T
    return -th.cdist(a, b, p=2.0 if function == "euclidean" else 1.0)


def _dense_pairwise(a: Any, b: Any, function: str) -> Any:
    a, b = _doubles(a, b, function)
    if function in ("cosine", "dot"):
        return (a * b).sum(dim=-1)
    return -(a - b).norm(p=2.0 if function == "euclidean" else 1.0, dim=-1)


def _doubles(a: Any, b: Any, function: str) -> list[Any]:
    th = torch()
    sides = [rows.to(th.float64) for rows in (a, b)]
    if function == "cosine":
        sides = [th.nn.functional.normalize(rows, dim=-1) for rows in sides]
    return sides
