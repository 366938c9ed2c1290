"""The native half of splade: frozen classes over the Rust library."""

from os import PathLike
from typing import Any, Callable, Iterator, Sequence, final, overload

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Encoder",
    "Index",
    "PartTasks",
    "Pool",
    "SparseMatrix",
    "SparseRow",
    "devices",
    "explain",
    "export",
    "export_setup",
    "finish",
    "measure",
    "plan",
    "search",
    "version",
]

def version() -> str:
    """The version of the library."""

def devices() -> list[tuple[list[str], str, bool]]:
    """The devices of this machine that this build can use: names, a description, whether it is a
    GPU."""

@final
class SparseRow:
    """A sparse vector: the indices (uint32, increasing) and weights (float32) of its entries."""

    @staticmethod
    def from_parts(
        indices: NDArray[np.int32], values: NDArray[np.float32], dimension: int
    ) -> SparseRow: ...
    @property
    def indices(self) -> NDArray[np.uint32]: ...
    @property
    def values(self) -> NDArray[np.float32]: ...
    @property
    def shape(self) -> tuple[int]: ...
    @property
    def nnz(self) -> int: ...
    def to_dense(self) -> NDArray[np.float32]: ...
    def to_matrix(self) -> SparseMatrix: ...
    def dot(self, other: SparseRow) -> float: ...
    def __len__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class SparseMatrix:
    """Sparse vectors in CSR form: row i is the vector of text i."""

    @staticmethod
    def from_csr(
        indptr: NDArray[np.int64],
        indices: NDArray[np.int32],
        values: NDArray[np.float32],
        dimension: int,
        counts: tuple[int, int] | None = None,
    ) -> SparseMatrix: ...
    @property
    def indptr(self) -> NDArray[np.int64]: ...
    @property
    def indices(self) -> NDArray[np.uint32]: ...
    @property
    def values(self) -> NDArray[np.float32]: ...
    @property
    def shape(self) -> tuple[int, int]: ...
    @property
    def nnz(self) -> int: ...
    @property
    def n_tokens(self) -> int | None: ...
    @property
    def n_truncated(self) -> int | None: ...
    def scipy_parts(self) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.float32]]: ...
    def coo(self) -> NDArray[np.int64]: ...
    def to_dense(self) -> NDArray[np.float32]: ...
    def to_scipy(self) -> Any: ...
    def to_torch(self, layout: str = "coo") -> Any: ...
    def to_arrow(self) -> Any: ...
    def __arrow_c_array__(self, requested_schema: Any | None = None) -> tuple[Any, Any]: ...
    def similarity(self, other: SparseMatrix, function: str) -> NDArray[np.float32]: ...
    def similarity_pairwise(self, other: SparseMatrix, function: str) -> NDArray[np.float32]: ...
    def sparsity(self) -> tuple[float, float]: ...
    def normalized(self) -> SparseMatrix: ...
    def top_k(self, k: int) -> SparseMatrix: ...
    def intersection(self, row: SparseRow) -> SparseMatrix: ...
    def __len__(self) -> int: ...
    @overload
    def __getitem__(self, which: int, /) -> SparseRow: ...
    @overload
    def __getitem__(self, which: slice | Sequence[int], /) -> SparseMatrix: ...
    @overload
    def __getitem__(self, which: Any, /) -> Any: ...
    def __iter__(self) -> Iterator[SparseRow]: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class Encoder:
    """A model with its tokenizer. It does not change."""

    @staticmethod
    def load(
        folder: str | PathLike[str],
        device: str = "cpu",
        precision: str = "f32",
        threads: int | None = None,
        max_seq_length: int | None = None,
    ) -> Encoder: ...
    def with_max_seq_length(self, max_seq_length: int) -> Encoder: ...
    def without_max_active_dims(self) -> Encoder: ...
    def encode(
        self,
        texts: Any,
        second: Any | None = None,
        options: dict[str, Any] | None = None,
        on_progress: Callable[[int], None] | None = None,
    ) -> SparseMatrix: ...
    def encode_ids(
        self,
        ids: Sequence[Sequence[int]],
        options: dict[str, Any] | None = None,
        on_progress: Callable[[int], None] | None = None,
    ) -> SparseMatrix: ...
    def tokenize(
        self, texts: Any, second: Any | None = None, options: dict[str, Any] | None = None
    ) -> tuple[list[list[int]], list[list[int]]]: ...
    def tokens(self, ids: Sequence[int]) -> list[str]: ...
    def token_id(self, token: str) -> int | None: ...
    def vocabulary(self) -> list[tuple[str, int]]: ...
    def decode_ids(self, ids: Sequence[int], special: str = "keep") -> str: ...
    def info(self) -> str: ...
    def save(
        self,
        folder: str | PathLike[str],
        prompts: dict[str, str],
        similarity: str,
        max_active_dims: int | None = None,
    ) -> None: ...
    def start_pool(self, devices: Sequence[str]) -> Pool: ...
    @property
    def folder(self) -> Any: ...
    @property
    def device(self) -> str: ...
    @property
    def backend(self) -> str: ...
    @property
    def precision(self) -> str: ...
    @property
    def dimension(self) -> int: ...
    @property
    def max_seq_length(self) -> int | None: ...
    @property
    def prompts(self) -> dict[str, str]: ...
    @property
    def tasks(self) -> list[str]: ...
    @property
    def summary(self) -> str: ...
    def __copy__(self) -> Encoder: ...
    def __deepcopy__(self, memo: Any) -> Encoder: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class Pool:
    """Workers that share the texts of a call. They are threads of this process."""

    def encode(
        self,
        texts: Any,
        second: Any | None = None,
        options: dict[str, Any] | None = None,
        on_progress: Callable[[int], None] | None = None,
    ) -> SparseMatrix: ...
    @property
    def devices(self) -> list[str]: ...

@final
class Index:
    """Documents with ids, mapped into memory; search is exact."""

    @staticmethod
    def build(
        path: str | PathLike[str],
        vectors: SparseMatrix,
        ids: Sequence[str],
        weight_format: str = "f32",
        metadata: str = "",
    ) -> Index: ...
    @staticmethod
    def open(path: str | PathLike[str]) -> Index: ...
    def search(self, queries: SparseMatrix, k: int) -> list[list[tuple[str, float]]]: ...
    def explain(self, query: SparseRow, id: str) -> list[tuple[int, float, float, float]]: ...
    def verify(self) -> None: ...
    @property
    def dimension(self) -> int: ...
    @property
    def nnz(self) -> int: ...
    @property
    def metadata(self) -> str: ...
    @property
    def path(self) -> Any: ...
    def __len__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class PartTasks:
    """A planned corpus and a model of its own."""

    def __new__(
        cls, folder: str | PathLike[str], model: str | PathLike[str], arguments: str
    ) -> PartTasks: ...
    def encode_part(self, unit: str, attempt: int) -> str: ...
    def units(self) -> list[str]: ...

def plan(
    input: Sequence[str | PathLike[str]], folder: str | PathLike[str], arguments: str
) -> list[str]:
    """Divides a corpus into units; returns them, each as JSON."""

def finish(folder: str | PathLike[str], verify: bool, allow_mixed: bool) -> str:
    """Checks the parts of a plan and writes the manifest; returns it as JSON."""

def search(
    queries: SparseMatrix, documents: SparseMatrix, k: int
) -> list[list[tuple[int, float]]]:
    """The rows of `documents` with the largest dot product with each query, and their scores."""

def measure(
    queries: tuple[Sequence[str], SparseMatrix],
    documents: tuple[Sequence[str], SparseMatrix],
    judgements: dict[str, dict[str, int]],
    similarity: str = "dot",
    measures: str = "sentence-transformers",
    depth: int = 1000,
) -> dict[str, float]:
    """Ranks documents for queries by exact search, and measures the ranking."""

def export(
    encoder: Encoder,
    path: str | PathLike[str],
    engine: str,
    vectors: SparseMatrix,
    ids: Sequence[str],
    name: str = "splade",
    field: str | None = None,
) -> int:
    """Writes vectors for a search engine. Returns the number of rows."""

def export_setup(engine: str, dimension: int, name: str = "splade", field: str | None = None) -> str:
    """What an engine needs before vectors can be written."""

def explain(
    encoder: Encoder, documents: Any, queries: Any | None = None, title: str | None = None
) -> str:
    """Texts, their tokens and their vectors as one HTML page."""
