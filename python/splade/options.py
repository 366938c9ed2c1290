"""What type checkers know of the arguments by name of `encode` and its two relatives."""

from __future__ import annotations

from typing import Any, Optional, TypedDict, Union

from splade.pool import EncoderPool


# One input: a text, or `{"text": ...}`.
OneText = Union[str, dict[str, Any]]


class EncodeOptions(TypedDict, total=False):
    """Arguments for every form of the result."""

    prompt_name: Optional[str]
    prompt: Optional[str]
    batch_size: int
    show_progress_bar: Optional[bool]
    save_to_cpu: bool
    device: Any
    max_active_dims: Optional[int]
    pool: Optional[EncoderPool]
    chunk_size: Optional[int]
    task: Optional[str]
    processing_kwargs: Optional[dict[str, Any]]


class TensorOptions(EncodeOptions, total=False):
    """And for torch's forms."""

    convert_to_sparse_tensor: bool
