"""What a layout is: a checkpoint to write, and the calls whose rows are golden."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from sentence_transformers import SparseEncoder

Call = dict
"""`method`, and the arguments that differ from its defaults. `max_seq_length` is set on the encoder before the call."""

METHODS = [{"method": "encode"}, {"method": "encode_query"}, {"method": "encode_document"}]


def call(method: str, **arguments) -> Call:
    return {"method": method} | arguments


@dataclass
class Layout:
    name: str
    write: Callable[[Path], None]
    calls: list[Call] = field(default_factory=list)
    """Besides METHODS."""
    working_folder: str | None = None
    """Folder in the checkpoint that must be the current one: the reference takes `path` in a config from there."""
    derived: Callable[[Path], SparseEncoder] | None = None
    """Makes the encoder that this checkpoint means, where the reference cannot load it as such."""
    same_rows_as: str | None = None
