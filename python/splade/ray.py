"""Ray Data: vectors as one more column of a dataset."""

from __future__ import annotations

from typing import Any

from splade.columns import Task, add_column, encode_column, text_column
from splade.encoder import SparseEncoder


class SparseEncoderActor:
    """Adds a column of vectors to each batch, in an actor that loads the model once.

        from splade.ray import SparseEncoderActor

        dataset.map_batches(
            SparseEncoderActor,
            fn_constructor_kwargs={"model": "/models/splade-v3", "task": "document"},
            batch_format="pyarrow",
            batch_size=1024,
            num_cpus=8,
            concurrency=(1, 16),
            max_task_retries=3,
        )

    The column holds structs of two lists, `indices` and `values`. Give `batch_size`: at least 1,024
    on a CPU and 4,096 on a GPU. Give `max_task_retries` too: Ray would try a batch that kills its
    process for ever. An actor computes with as many threads as `num_cpus` has reserved, on the GPU
    that `num_gpus` has.
    """

    def __init__(
        self,
        model: str,
        *,
        column: str = "text",
        vectors: str = "vector",
        task: Task | None = None,
        threads: int | None = None,
        device: str | None = None,
        encode: dict[str, Any] | None = None,
        **arguments: Any,
    ) -> None:
        """`model` and further arguments are those of `SparseEncoder`; `column` has the texts, and
        `vectors` is the new column. `encode` has options of each call, as `max_active_dims`."""
        reserved = _reserved()
        self._model = SparseEncoder(
            model,
            threads=threads or max(1, int(reserved.get("CPU", 0))),
            device=device or ("cuda:0" if reserved.get("GPU") else None),
            **arguments,
        )
        self._columns = (column, vectors)
        self._options: dict[str, Any] = {"task": task, **(encode or {})}

    def __call__(self, batch: Any) -> Any:
        """The batch, a `pyarrow.Table`, with its vectors."""
        if not hasattr(batch, "schema"):
            raise TypeError(
                f"the batch is a {type(batch).__name__}: give batch_format='pyarrow' to map_batches"
            )
        texts, vectors = self._columns
        column = encode_column(self._model, text_column(batch, texts), **self._options)
        return add_column(batch, vectors, column)


def _reserved() -> dict[str, float]:
    """What Ray has set aside for this actor."""
    import ray

    return dict(ray.get_runtime_context().get_assigned_resources())
