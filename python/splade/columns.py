"""Columns of texts to columns of vectors, for engines that hand out Arrow batches."""

from __future__ import annotations

import functools
import os
import pickle
from typing import Any, Literal

from splade.encoder import SparseEncoder
from splade.optional import require

Task = Literal["query", "document"]


def encode_column(
    model: SparseEncoder,
    texts: Any,
    *,
    task: Task | None = None,
    index_type: Any = None,
    **options: Any,
) -> Any:
    """The vectors of an Arrow column of texts, as a `pyarrow.StructArray` of
    `{indices: list<uint32>, values: list<float>}`, row by row.

    A null text has a null vector. `task` chooses `encode_query` or `encode_document`; options are
    theirs. `index_type` is another Arrow type for the indices, where an engine has no uint32.

    Raises what `encode` raises: a text that cannot be encoded fails the call and names its row.
    """
    pa = require("pyarrow", "encoding a column")
    compute = require("pyarrow.compute", "encoding a column")
    column = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
    kind = column.type
    if pa.types.is_dictionary(kind) or pa.types.is_null(kind):  # Engines make both of strings.
        column = column.cast(pa.large_string())
    if isinstance(column, pa.ChunkedArray):  # A column of several chunks of more than 2 GB.
        column = column.cast(pa.large_string()).combine_chunks()
    encode = {None: model.encode, "query": model.encode_query, "document": model.encode_document}
    if task not in encode:
        raise ValueError(f"task is {task!r}, expected 'query', 'document' or None")
    # An empty text keeps the row of each error true.
    filled = compute.fill_null(column, "") if column.null_count else column
    vectors = encode[task](filled, output="arrow", **options)
    vectors = vectors.cast(vector_type(index_type))
    if not column.null_count:
        return vectors
    return compute.if_else(column.is_valid(), vectors, pa.scalar(None, vectors.type))


def vector_type(index_type: Any = None) -> Any:
    """The Arrow type of a vector in a column."""
    pa = require("pyarrow", "encoding a column")
    indices = pa.field("item", index_type or pa.uint32(), nullable=False)
    values = pa.field("item", pa.float32(), nullable=False)
    return pa.struct(
        [
            pa.field("indices", pa.list_(indices), nullable=False),
            pa.field("values", pa.list_(values), nullable=False),
        ]
    )


def add_column(batch: Any, name: str, column: Any) -> Any:
    """The batch or table with one column more. A name that is there already is an error."""
    if name in batch.schema.names:
        raise ValueError(
            f"the batch has a column {name!r} already: choose another name for the vectors"
        )
    return batch.append_column(name, column)


def text_column(batch: Any, name: str) -> Any:
    """The column of that name. One that is missing is an error that lists those there are."""
    if name not in batch.schema.names:
        raise KeyError(f"there is no column {name!r}: the batch has {batch.schema.names}")
    return batch.column(name)


@functools.lru_cache(maxsize=4)
def _loaded(process: int, pickled: bytes) -> SparseEncoder:
    model, arguments = pickle.loads(pickled)
    return SparseEncoder(model, **dict(arguments))


def loaded(model: str, **arguments: Any) -> SparseEncoder:
    """The model of this process: loaded by the first call, the same for those after it."""
    # Arguments need not be hashable: prompts are a dictionary.
    return _loaded(os.getpid(), pickle.dumps((model, sorted(arguments.items()))))
