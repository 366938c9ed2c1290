"""Ray: a corpus by part tasks, and vectors as one more column of a dataset."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from splade import parts
from splade.columns import Task, add_column, encode_column, text_column
from splade.encoder import SparseEncoder

# A scheduler that holds a hundred thousand tasks is slow, and each wave ends with a check.
_UNITS_PER_WAVE = 5_000
# How often each unit was begun and not ended: hidden, so that nobody takes it for output.
_ATTEMPTS = ".attempts"


def encode_corpus(
    model: str,
    inputs: Sequence[str | os.PathLike[str]],
    output: str | os.PathLike[str],
    *,
    concurrency: int | tuple[int, int] = 1,
    num_cpus: float = 1,
    num_gpus: float = 0,
    max_attempts: int = 3,
    verify: bool = False,
    allow_mixed: bool = False,
    model_arguments: dict[str, Any] | None = None,
    ray_arguments: dict[str, Any] | None = None,
    **plan: Any,
) -> dict[str, Any]:
    """Encodes a corpus into the folder `output`, on the actors of a Ray cluster, and returns the
    manifest: that of one `splade encode`, with the same bytes in every part.

    `model` is a folder or an id, and `inputs` and `output` are paths, that each machine sees alike.
    `concurrency` is the number of actors, or the least and the greatest; each has `num_cpus`, which
    are its threads, and `num_gpus`. `plan` has the arguments of `splade.parts.plan`, such as
    `rows_per_part` and `task`. `model_arguments` are `SparseEncoder`'s; `ray_arguments` go to
    `map_batches`.

    Running it again resumes: parts that are there are kept. A plan of other inputs or options in
    `output` is refused. A unit that was begun `max_attempts` times and never finished ends the run
    with its number; a text that cannot be encoded ends it with its place.
    """
    import ray

    folder = Path(output).absolute()
    units = parts.plan(inputs, folder, **plan)
    _forget_attempts(folder)
    arguments = {
        "output": os.fspath(folder),
        "model": os.fspath(model),
        "max_attempts": max_attempts,
        **(model_arguments or {}),
    }
    for start in range(0, len(units), _UNITS_PER_WAVE):
        wave = [{"unit": json.dumps(unit)} for unit in units[start : start + _UNITS_PER_WAVE]]
        # Without as many blocks as units, one actor would get them all.
        ray.data.from_items(wave, override_num_blocks=len(wave)).map_batches(
            PartActor,
            fn_constructor_kwargs=arguments,
            batch_size=1,
            concurrency=concurrency,
            num_cpus=num_cpus,
            num_gpus=num_gpus or None,
            **(ray_arguments or {}),
        ).materialize()
    manifest = parts.finish(folder, verify=verify, allow_mixed=allow_mixed)
    _forget_attempts(folder)
    return manifest


class PartActor:
    """Encodes units of a plan, in an actor that loads the model once."""

    def __init__(self, output: str, model: str, max_attempts: int, **arguments: Any) -> None:
        self._output = Path(output)
        self._max_attempts = max_attempts
        reserved = _reserved()
        arguments.setdefault("threads", _threads(reserved))
        arguments.setdefault("device", _device(reserved))
        self._tasks = parts.PartTasks(output, model, **arguments)

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        receipts = [json.dumps(self._encode(json.loads(unit))) for unit in batch["unit"]]
        return {"unit": batch["unit"], "receipt": receipts}

    def _encode(self, unit: dict[str, Any]) -> dict[str, Any]:
        number = unit["number"]
        attempt = _count_attempt(self._output, number)
        if attempt > self._max_attempts:
            raise RuntimeError(
                f"unit {number} was begun {self._max_attempts} times and never finished: one of its "
                "texts kills the process, or it needs more memory than the worker has; "
                f"{self._output / 'units.jsonl'} says which rows these are"
            )
        receipt = self._tasks.encode_part(unit, attempt)
        _forget_attempt(self._output, number)
        return receipt


def _count_attempt(folder: Path, unit: int) -> int:
    """Counts an attempt at a unit where the next process finds the count: Ray begins a task again
    without end if it kills its process, and tells nobody which."""
    attempts = folder / _ATTEMPTS
    attempts.mkdir(exist_ok=True)
    with open(attempts / str(unit), "ab") as file:
        file.write(b".")
        return file.tell()


def _forget_attempt(folder: Path, unit: int) -> None:
    (folder / _ATTEMPTS / str(unit)).unlink(missing_ok=True)


def _forget_attempts(folder: Path) -> None:
    shutil.rmtree(folder / _ATTEMPTS, ignore_errors=True)


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
        `vectors` is the new column. `encode` has options of each call, such as `max_active_dims`."""
        reserved = _reserved()
        self._model = SparseEncoder(
            model,
            threads=threads or _threads(reserved),
            device=device or _device(reserved),
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


def _threads(reserved: dict[str, float]) -> int:
    """As many as the cores set aside: more would take those of other actors."""
    return max(1, int(reserved.get("CPU", 0)))


def _device(reserved: dict[str, float]) -> str:
    """Ray shows a process the cards that it has set aside, and no others."""
    return "cuda:0" if reserved.get("GPU") else "cpu"
