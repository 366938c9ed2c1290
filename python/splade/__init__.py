"""Learned sparse text vectors (SPLADE): sentence-transformers' `SparseEncoder`, in Rust.

Importing this module imports numpy, and nothing else that is not Python's own: torch, scipy,
pyarrow, tqdm and huggingface_hub are imported when a call needs them.
"""

from splade._splade import SparseMatrix, SparseRow, devices, version
from splade.encoder import SparseEncoder
from splade.index import Index, search
from splade.parts import PartTasks, finish, plan
from splade.pool import EncoderPool
from splade.similarity import SimilarityFunction

__version__: str = version()

__all__ = [
    "EncoderPool",
    "Index",
    "PartTasks",
    "SimilarityFunction",
    "SparseEncoder",
    "SparseMatrix",
    "SparseRow",
    "__version__",
    "devices",
    "finish",
    "plan",
    "search",
]
