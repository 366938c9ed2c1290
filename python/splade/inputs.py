"""What is one text, what is a batch, and what are pairs."""

from __future__ import annotations

from typing import Any

import numpy as np

from splade.optional import imported


def is_single(inputs: Any) -> bool:
    """Whether the input is one text. Lists, tuples, columns of `datasets`, arrays of strings and
    Arrow arrays are batches."""
    if isinstance(inputs, (list, tuple)) or is_arrow(inputs):
        return False
    datasets = imported("datasets")
    if datasets is not None and isinstance(inputs, getattr(datasets, "Column", ())):
        return False
    is_array = isinstance(inputs, np.ndarray) and inputs.ndim >= 1
    return not (is_array and inputs.dtype.kind in "UO")


def is_arrow(inputs: Any) -> bool:
    """Whether the input is an Arrow array, or has several (`pyarrow.ChunkedArray`)."""
    return hasattr(inputs, "__arrow_c_array__") or hasattr(inputs, "__arrow_c_stream__")


def batch(inputs: Any) -> tuple[Any, list[Any] | None]:
    """The texts of a batch; for pairs, the first texts and the second ones."""
    if is_arrow(inputs):
        return _arrow(inputs), None
    texts = inputs.tolist() if isinstance(inputs, np.ndarray) else list(inputs)
    if not texts or not isinstance(texts[0], (list, tuple)):
        return texts, None
    for row, pair in enumerate(texts):
        if not isinstance(pair, (list, tuple)) or len(pair) != 2:
            raise TypeError(f"text {row} is not a pair of two texts, as text 0 is")
    return [first for first, _ in texts], [second for _, second in texts]


def _arrow(inputs: Any) -> Any:
    """An array that the native module imports: one with a capsule, or with `chunks`."""
    if hasattr(inputs, "__arrow_c_array__") or hasattr(inputs, "chunks"):
        return inputs
    from splade.optional import require

    # Other libraries (polars) give a stream, which pyarrow reads without copying.
    return require("pyarrow", "reading a stream of Arrow arrays").chunked_array(inputs)


def n_texts(texts: Any) -> int:
    """How many texts a batch has."""
    return len(texts)
