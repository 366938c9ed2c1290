"""`State`: the attributes of a model, which all parts of its class share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from splade._splade import Encoder


class State:
    """What a model holds: the native encoder, and what Python's users may assign."""

    SUPPORTED_SIMILARITY_FN_NAMES: ClassVar[tuple[str, ...]]
    model_type: ClassVar[str]
    prompts: dict[str, Any]
    default_prompt_name: str | None
    max_active_dims: int | None
    backend: str
    model_card_data: Any
    _native: Encoder
    _source: dict[str, Any]
    _is_local: bool
    _module_state: dict[tuple[Any, ...], Any]
    _max_seq_length: int | None
    _similarity_fn_name: str | None
    _threads: int | None
    _process: int
    _views: list[Any] | None
    _files: dict[str, dict[str, Any]]
