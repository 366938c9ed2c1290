"""PySpark: vectors as one more column of a data frame, through `mapInArrow`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from splade.columns import Task, add_column, encode_column, loaded, text_column
from splade.optional import require


def encoder(
    model: str,
    *,
    column: str = "text",
    vectors: str = "vector",
    task: Task | None = None,
    encode: dict[str, Any] | None = None,
    **arguments: Any,
) -> Callable[[Iterator[Any]], Iterator[Any]]:
    """The function that `mapInArrow` wants. It loads the model once in each Python worker.

        from splade import spark

        spark_session.conf.set("spark.task.cpus", "8")
        vectors = frame.mapInArrow(
            spark.encoder("/models/splade-v3", task="document", threads=8),
            spark.schema(frame.schema),
        )

    `model` and further arguments are those of `SparseEncoder`: a folder that each machine has, and
    as many `threads` as `spark.task.cpus`. `encode` has options of each call.
    """
    options: dict[str, Any] = {"task": task, **(encode or {})}

    def vectors_of(batches: Iterator[Any]) -> Iterator[Any]:
        pa = require("pyarrow", "mapInArrow")
        # Forked from a daemon that has no threads of ours: the model is loaded here.
        encoder = loaded(model, **arguments)
        for batch in batches:
            texts = text_column(batch, column)
            # Spark has no unsigned integers.
            found = encode_column(encoder, texts, index_type=pa.int32(), **options)
            yield add_column(batch, vectors, found)

    return vectors_of


def schema(before: Any, vectors: str = "vector") -> Any:
    """The schema of the result: that of the frame, and a struct of two arrays, `indices` (int) and
    `values` (float)."""
    from pyspark.sql.types import ArrayType, FloatType, IntegerType, StructField, StructType

    vector = StructType(
        [
            StructField("indices", ArrayType(IntegerType(), containsNull=False), nullable=False),
            StructField("values", ArrayType(FloatType(), containsNull=False), nullable=False),
        ]
    )
    return StructType([*before.fields, StructField(vectors, vector, nullable=True)])
