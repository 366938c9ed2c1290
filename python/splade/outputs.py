"""The forms that vectors are returned in."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from splade._splade import SparseMatrix, SparseRow
from splade.optional import require, torch

Output = Literal["torch", "scipy", "arrow", "splade"]
OUTPUTS: tuple[Output, ...] = ("torch", "scipy", "arrow", "splade")


def to_scipy(matrix: SparseMatrix) -> Any:
    """A scipy CSR array over the same memory."""
    sparse = require("scipy.sparse", 'output="scipy"')
    indptr, indices, values = matrix.scipy_parts()
    array = sparse.csr_array((values, indices, indptr), shape=matrix.shape)
    array.has_canonical_format = True  # Indices increase within each row.
    return array


def to_arrow(matrix: SparseMatrix) -> Any:
    """A pyarrow array of structs `{indices: list<uint32>, values: list<float>}`, over the same
    memory.

    From 2^31 weights on the lists are `large_list`.
    """
    arrow = require("pyarrow", 'output="arrow"')
    is_large = matrix.nnz >= 2**31
    kind = arrow.LargeListArray if is_large else arrow.ListArray
    offsets = matrix.indptr if is_large else matrix.indptr.astype(np.int32)
    lists = [_list(arrow, kind, offsets, numbers) for numbers in (matrix.indices, matrix.values)]
    fields = [
        arrow.field(name, of_list.type, nullable=False)
        for name, of_list in zip(("indices", "values"), lists)
    ]
    return arrow.StructArray.from_arrays(lists, fields=fields)


def _list(arrow: Any, kind: Any, offsets: np.ndarray, numbers: np.ndarray) -> Any:
    wrap = {"u": arrow.uint32(), "f": arrow.float32()}[numbers.dtype.kind]
    items = arrow.Array.from_buffers(wrap, len(numbers), [None, arrow.py_buffer(numbers)])
    of_items = arrow.field("item", wrap, nullable=False)
    of_lists = arrow.large_list(of_items) if kind is arrow.LargeListArray else arrow.list_(of_items)
    buffers = [None, arrow.py_buffer(offsets)]
    return arrow.Array.from_buffers(of_lists, len(offsets) - 1, buffers, children=[items])


def to_torch(matrix: SparseMatrix, layout: str = "coo") -> Any:
    """A torch tensor on the CPU. `coo` and `csr` share the weights."""
    th = torch()
    if layout == "dense":
        return th.from_numpy(matrix.to_dense())
    if layout == "csr":
        indptr, indices, values = (th.from_numpy(part) for part in matrix.scipy_parts())
        return th.sparse_csr_tensor(
            indptr, indices, values, size=matrix.shape, check_invariants=False
        )
    if layout != "coo":
        raise ValueError(f"layout is {layout!r}, expected 'coo', 'csr' or 'dense'")
    indices, values = th.from_numpy(matrix.coo()), th.from_numpy(matrix.values)
    # Rows are in order and indices increase within them: coalescing would ensure no more.
    return th.sparse_coo_tensor(
        indices, values, size=matrix.shape, is_coalesced=True, check_invariants=False
    )


def torch_rows(matrix: SparseMatrix, *, sparse: bool) -> list[Any]:
    """One 1-D tensor for each row, with memory of its own: a row that is kept, or pickled, would
    bring a shared batch along."""
    th = torch()
    if not sparse:
        return [th.from_numpy(row.to_dense()) for row in matrix]
    return [
        th.sparse_coo_tensor(
            th.from_numpy(row.indices.astype(np.int64)).unsqueeze(0),
            th.from_numpy(row.values.copy()),
            size=row.shape,
            is_coalesced=True,
            check_invariants=False,
        )
        for row in matrix
    ]


def empty_torch(*, sparse: bool) -> Any:
    """The tensor that sentence-transformers returns for no texts."""
    empty = torch().tensor([])
    return empty.to_sparse() if sparse else empty


def of_tensor(tensor: Any) -> SparseMatrix:
    """Rows of a 1-D or 2-D torch tensor, sparse or dense."""
    rows, columns, values, shape = coordinates(tensor)
    return of_coordinates(rows, columns, values.astype(np.float32), shape)


def coordinates(tensor: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray, tuple[int, ...]]:
    """Row, column and weight of each entry of a torch tensor, in order, and its shape in 2-D.
    Weights are float32, or float64 if the tensor's are."""
    th = torch("reading a tensor")
    if tensor.dim() == 1:
        tensor = tensor.unsqueeze(0)
    dtype = th.float64 if tensor.dtype == th.float64 else th.float32
    tensor = tensor.detach().to(dtype=dtype, device="cpu").to_sparse_coo().coalesce()
    (rows, columns), values = tensor.indices().numpy(), tensor.values().numpy()
    return rows, columns, values, tuple(tensor.shape)


def of_coordinates(
    rows: np.ndarray, columns: np.ndarray, values: np.ndarray, shape: tuple[int, ...]
) -> SparseMatrix:
    """Rows of entries that are ordered by row and column, each once. Zeros are left out."""
    if not values.all():
        kept = values != 0
        rows, columns, values = rows[kept], columns[kept], values[kept]
    n_rows, dimension = shape
    indptr = np.zeros(n_rows + 1, np.int64)
    np.cumsum(np.bincount(rows, minlength=n_rows), out=indptr[1:])
    indices = np.ascontiguousarray(columns, np.int32)
    values = np.ascontiguousarray(values, np.float32)
    return SparseMatrix.from_csr(indptr, indices, values, dimension)


def in_order(parts: list[SparseMatrix], rows: list[int]) -> SparseMatrix:
    """The rows of all parts, each at its position: row i of the parts one after another is row
    `rows[i]` of the result."""
    lengths = np.concatenate([np.diff(part.indptr) for part in parts])
    indices = np.concatenate([part.indices for part in parts]).astype(np.int32)
    values = np.concatenate([part.values for part in parts])
    indptr = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
    together = SparseMatrix.from_csr(indptr, indices, values, parts[0].shape[1])
    order: list[int] = np.argsort(rows).tolist()
    return together[order]


def of_scipy(array: Any) -> SparseMatrix:
    """Rows of a scipy matrix or array; a 1-D array is one row."""
    if array.ndim == 1:
        array = array.reshape(1, -1)
    csr = array.tocsr().astype(np.float32)
    if not csr.has_canonical_format:
        csr.sum_duplicates()
    csr.eliminate_zeros()
    indptr = np.ascontiguousarray(csr.indptr, np.int64)
    indices = np.ascontiguousarray(csr.indices, np.int32)
    return SparseMatrix.from_csr(indptr, indices, np.ascontiguousarray(csr.data), csr.shape[1])


def of_numpy(array: np.ndarray) -> SparseMatrix:
    """Rows of a dense array, 1-D or 2-D."""
    dense = np.atleast_2d(np.asarray(array, np.float32))
    rows, columns = np.nonzero(dense)
    return of_coordinates(rows, columns, dense[rows, columns], dense.shape)


def own(vectors: Any) -> SparseMatrix | None:
    """Our own matrix for our vectors or scipy's; None for anything else."""
    if isinstance(vectors, SparseMatrix):
        return vectors
    if isinstance(vectors, SparseRow):
        return vectors.to_matrix()
    if is_scipy(vectors):
        return of_scipy(vectors)
    return None


def rows(name: str, vectors: Any) -> SparseMatrix:
    """Our own matrix for vectors in any form that `encode` returns but Arrow's."""
    found = own(vectors)
    if found is not None:
        return found
    if is_tensor(vectors):
        return of_tensor(vectors)
    raise TypeError(
        f"{name} is a {type(vectors).__name__}, expected vectors of `encode`: ours, scipy's or "
        "torch's"
    )


def is_scipy(vectors: Any) -> bool:
    """Whether it is a sparse matrix or array of scipy."""
    return type(vectors).__module__.startswith("scipy.sparse") and hasattr(vectors, "tocsr")


def is_tensor(vectors: Any) -> bool:
    """Whether it is a torch tensor; torch is not imported to find out."""
    from splade.optional import imported

    th = imported("torch")
    return th is not None and isinstance(vectors, th.Tensor)
