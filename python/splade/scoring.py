"""`Scoring`: scores, statistics and tokens of vectors, in whichever form they come."""

from __future__ import annotations

from typing import Any

import numpy as np

from splade import checks, outputs, similarity
from splade.optional import torch
from splade.state import State


class Scoring(State):
    """Methods that look at vectors."""

    # Scores

    @property
    def similarity_fn_name(self) -> str:
        """The function of `similarity`; "dot" unless it was set or saved."""
        if self._similarity_fn_name is None:
            self._similarity_fn_name = "dot"
        return self._similarity_fn_name

    @similarity_fn_name.setter
    def similarity_fn_name(self, value: Any) -> None:
        value = getattr(value, "value", value)
        if value is not None and value not in self.SUPPORTED_SIMILARITY_FN_NAMES:
            is_multi_vector = value == "maxsim"
            hint = " Use MultiVectorEncoder for MaxSim late-interaction scoring."
            raise ValueError(
                f"{type(self).__name__} only supports similarity_fn_name in "
                f"{self.SUPPORTED_SIMILARITY_FN_NAMES}, got {value!r}."
                f"{hint if is_multi_vector else ''}"
            )
        self._similarity_fn_name = value

    def similarity(self, embeddings1: Any, embeddings2: Any) -> Any:
        """The score of each vector with each: a tensor for tensors, arrays and lists; a numpy array
        for our own vectors and scipy's."""
        return similarity.similarity(embeddings1, embeddings2, self.similarity_fn_name)

    def similarity_pairwise(self, embeddings1: Any, embeddings2: Any) -> Any:
        """The score of vector i of one side with vector i of the other."""
        return similarity.similarity_pairwise(embeddings1, embeddings2, self.similarity_fn_name)

    # What vectors hold

    @staticmethod
    def sparsity(embeddings: Any) -> dict[str, float]:
        """The mean number of active dimensions, and the share of zeros."""
        own = outputs.own(embeddings)
        if own is None:
            if not outputs.is_tensor(embeddings):
                raise TypeError("Embeddings must be a torch.Tensor")
            if embeddings.dim() not in (1, 2):
                raise ValueError(f"Expected a 1D or 2D tensor, got {embeddings.dim()}D.")
            if embeddings.dim() == 2 and 0 in embeddings.shape or embeddings.shape[-1] == 0:
                return {"active_dims": 0.0, "sparsity_ratio": 1.0}
            own = outputs.of_tensor(embeddings)
        active_dims, ratio = own.sparsity()
        return {"active_dims": active_dims, "sparsity_ratio": ratio}

    @staticmethod
    def intersection(embeddings_1: Any, embeddings_2: Any) -> Any:
        """The products of weights that both have, in the form and shape of the second."""
        own_2 = outputs.own(embeddings_2)
        if own_2 is not None:
            own_1 = outputs.own(embeddings_1)
            if own_1 is None or len(own_1) != 1:
                raise ValueError("the first embedding must be a single vector, in the same form")
            shared = own_2.intersection(own_1[0])
            if outputs.is_scipy(embeddings_2):
                array = outputs.to_scipy(shared)
                return array[0] if embeddings_2.ndim == 1 else array
            return shared if isinstance(embeddings_2, type(shared)) else shared[0]
        _check_tensors(embeddings_1, embeddings_2)
        device = embeddings_2.device
        rows = outputs.of_tensor(embeddings_2).intersection(outputs.of_tensor(embeddings_1)[0])
        is_row = embeddings_2.dim() == 1
        shared = outputs.torch_rows(rows, sparse=True)[0] if is_row else outputs.to_torch(rows)
        dtype = torch().promote_types(embeddings_1.dtype, embeddings_2.dtype)
        return shared.to(device=device, dtype=dtype)

    def decode(self, embeddings: Any, top_k: int | None = None) -> Any:
        """The tokens of a vector with their weights, the heaviest first; of several, a list of such
        lists."""
        top_k = checks.positive("top_k", top_k)
        own = outputs.own(embeddings)
        if own is not None:
            bounds, indices, values = own.indptr, own.indices, own.values
        elif not outputs.is_tensor(embeddings):
            raise TypeError(f"Expected torch.Tensor, got {type(embeddings)}")
        elif embeddings.dim() not in (1, 2):
            raise ValueError(f"Input tensor must be 1D or 2D, got {embeddings.dim()}D.")
        else:
            rows, indices, values, (n_rows, _) = outputs.coordinates(embeddings)
            bounds = np.searchsorted(rows, np.arange(n_rows + 1))
        decoded = [
            self._tokens(indices[start:end], values[start:end], top_k)
            for start, end in zip(bounds.tolist(), bounds[1:].tolist())
        ]
        return decoded[0] if len(embeddings.shape) == 1 else decoded

    def _tokens(
        self, indices: np.ndarray, weights: np.ndarray, top_k: int | None
    ) -> list[tuple[str, float]]:
        order = np.argsort(-weights, kind="stable")[:top_k]
        return list(zip(self._native.tokens(indices[order].tolist()), weights[order].tolist()))


def _check_tensors(first: Any, second: Any) -> None:
    for tensor in (first, second):
        if not outputs.is_tensor(tensor):
            raise TypeError(f"Expected torch.Tensor, got {type(tensor)}")
    if first.dim() != 1:
        raise ValueError(
            f"Expected 1D tensor for embeddings_1, but got {first.shape} shape."
        )
    if second.dim() not in (1, 2):
        raise ValueError(
            f"Expected 1D or 2D tensor for embeddings_2, but got {second.shape} shape."
        )
    if first.shape[-1] != second.shape[-1]:
        raise ValueError(
            f"Vocab dimension mismatch: embeddings_1 has {first.shape[-1]}, "
            f"embeddings_2 has {second.shape[-1]}."
        )
