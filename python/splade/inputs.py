"""What is one text, what is a batch, and what are pairs."""

from __future__ import annotations

from typing import Any, NamedTuple

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


class Group(NamedTuple):
    """Texts of one kind: single ones, or pairs of them."""

    rows: list[int] | None
    """Where they stand in the batch; None for all of it, in order."""
    texts: Any
    """The texts, or the first text of each pair."""
    second: list[str] | None
    """The second text of each pair."""


def groups(inputs: Any) -> list[Group]:
    """The texts of a batch and the pairs in it, in groups of one kind each; at least one group.

    A pair is a list or tuple of two strings. `{"text": ...}` is what it holds.
    """
    if is_arrow(inputs):
        return [Group(None, _arrow(inputs), None)]
    texts = inputs.tolist() if isinstance(inputs, np.ndarray) else list(inputs)
    if not any(issubclass(kind, (list, tuple, dict)) for kind in set(map(type, texts))):
        return [Group(None, texts, None)]  # The native module checks that they are strings.
    samples = [_sample(row, text) for row, text in enumerate(texts)]
    pairs = [row for row, sample in enumerate(samples) if isinstance(sample, tuple)]
    singles = [row for row, sample in enumerate(samples) if not isinstance(sample, tuple)]
    found = []
    if singles:
        found.append(Group(singles, [samples[row] for row in singles], None))
    if pairs:
        first, second = ([samples[row][side] for row in pairs] for side in (0, 1))
        found.append(Group(pairs, first, second))
    return found if len(found) > 1 else [found[0]._replace(rows=None)]


def n_texts(found: list[Group]) -> int:
    """How many texts and pairs all groups have."""
    return sum(len(group.texts) for group in found)


def _sample(row: int, value: Any) -> str | tuple[str, str]:
    """A text or a pair."""
    if isinstance(value, dict):
        value = _of_dict(row, value)
    if isinstance(value, str):
        return value
    kind = type(value).__name__
    if not isinstance(value, (list, tuple)):
        raise TypeError(f"text {row} is of type {kind}, not str")
    for text in value:
        if isinstance(text, dict):
            _of_dict(row, text)
    if len(value) != 2:
        raise TypeError(f"text {row} is a {kind} of {len(value)}: a pair is of two texts")
    first, second = value
    if not isinstance(first, str) or not isinstance(second, str):
        kinds = f"{type(first).__name__} and {type(second).__name__}"
        raise TypeError(f"text {row} is a pair of {kinds}, not of two strings")
    return first, second


def _of_dict(row: int, value: dict[str, Any]) -> Any:
    """What a dictionary holds under `text`; others are refused in sentence-transformers' words."""
    if "role" in value and "content" in value:
        raise ValueError(
            f"text {row}: this SparseEncoder model does not support chat-style 'message' inputs "
            "(dicts or lists of dicts with 'role' and 'content'). Supported modalities: text."
        )
    if strangers := [key for key in value if key not in ("audio", "image", "text", "video")]:
        raise ValueError(
            f"text {row}: multimodal dict input contains unrecognized modality keys: {strangers}. "
            "Expected keys from: ['audio', 'image', 'text', 'video']."
        )
    if list(value) != ["text"]:
        raise ValueError(
            f"text {row}: modality {'+'.join(sorted(value))!r} is not supported by this "
            "SparseEncoder model. Supported modalities: text."
        )
    return value["text"]


def _arrow(inputs: Any) -> Any:
    """An array that the native module imports: one with a capsule, or with `chunks`."""
    if hasattr(inputs, "__arrow_c_array__") or hasattr(inputs, "chunks"):
        return inputs
    from splade.optional import require

    # Other libraries (polars) give a stream, which pyarrow reads without copying.
    return require("pyarrow", "reading a stream of Arrow arrays").chunked_array(inputs)
