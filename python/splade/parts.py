"""A corpus encoded unit by unit, by any number of processes or machines (docs/clusters.md)."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Any, Union

from splade import _splade, checks, hub, settings

_Path = Union[str, "os.PathLike[str]"]


def plan(
    input: _Path | Sequence[_Path],
    output: _Path,
    *,
    rows_per_part: int = 10_000,
    columns: str = "text",
    separator: str = " ",
    id_column: str | None = None,
    input_format: str | None = None,
    no_header: bool = False,
    format: str = "jsonl",
    compress: str = "none",
    quantization_factor: int = 100,
    task: str | None = None,
    prompt: str | None = None,
    prompt_name: str | None = None,
    max_active_dims: int | None = None,
    min_weight: float | None = None,
    max_ratio: float | None = None,
    mass_share: float | None = None,
    max_seq_length: int | None = None,
    tokens: bool = False,
) -> list[dict[str, Any]]:
    """Divides files into units, writes the plan to the folder `output`, and returns the units.

    No model is needed; the files are read once. The arguments are those of `splade plan`.
    """
    paths: list[_Path] = [input] if isinstance(input, (str, os.PathLike)) else list(input)
    arguments = {
        "rows_per_part": checks.required("rows_per_part", rows_per_part),
        "columns": columns,
        "separator": separator,
        "id_column": id_column,
        "input_format": input_format,
        "no_header": no_header,
        "format": format,
        "compress": compress,
        "quantization_factor": checks.required("quantization_factor", quantization_factor),
        "vectors": {
            "task": task,
            "prompt": prompt,
            "prompt_name": prompt_name,
            "max_active_dims": checks.positive("max_active_dims", max_active_dims),
            "min_weight": min_weight,
            "max_ratio": max_ratio,
            "mass_share": mass_share,
            "max_seq_length": checks.positive("max_seq_length", max_seq_length),
            "tokens": tokens,
        },
    }
    return [json.loads(unit) for unit in _splade.plan(paths, output, json.dumps(arguments))]


def finish(folder: _Path, *, verify: bool = False, allow_mixed: bool = False) -> dict[str, Any]:
    """Checks that every unit has its part, writes the manifest, and returns it.

    Running it again changes nothing. `verify` reads all parts; `allow_mixed` accepts parts of
    machines whose vectors agree to rounding only.
    """
    manifest: dict[str, Any] = json.loads(_splade.finish(folder, verify, allow_mixed))
    return manifest


class PartTasks:
    """A planned corpus and a loaded model: encodes one unit after another.

        tasks = PartTasks("vectors", "naver/splade-v3", threads=16)
        receipts = [tasks.encode_part(unit) for unit in tasks.units]

    Make it in the process that encodes: a forked process has none of its threads.
    """

    def __init__(
        self,
        folder: _Path,
        model: _Path,
        *,
        device: Any = "cpu",
        precision: str | None = None,
        threads: int | None = None,
        batch_tokens: int | None = None,
        chunk_size: int | None = None,
        cache_folder: str | None = None,
        revision: str | None = None,
        local_files_only: bool = False,
        token: bool | str | None = None,
    ) -> None:
        name = os.fspath(model)
        located = hub.locate(
            name,
            organisation=None,
            cache_folder=cache_folder,
            revision=revision,
            local_files_only=local_files_only,
            token=token,
        )
        devices = device if isinstance(device, (list, tuple)) else [device]
        arguments = {
            "name": name,
            "devices": [settings.device_name(device) for device in devices],
            "precision": settings.precision(precision, None),
            "threads": checks.threads(threads),
            "batch_tokens": checks.positive("batch_tokens", batch_tokens),
            "chunk_size": checks.positive("chunk_size", chunk_size),
        }
        self._native = _splade.PartTasks(folder, located, json.dumps(arguments))

    @property
    def units(self) -> list[dict[str, Any]]:
        """The units of the plan."""
        return [json.loads(unit) for unit in self._native.units()]

    def encode_part(self, unit: dict[str, Any], attempt: int = 1) -> dict[str, Any]:
        """Encodes a unit, unless its part is there, and returns the receipt.

        A second attempt makes the same bytes. Ctrl-C leaves nothing of the part.
        """
        receipt: dict[str, Any] = json.loads(self._native.encode_part(json.dumps(unit), attempt))
        return receipt

    def __reduce__(self) -> Any:
        raise TypeError("PartTasks belongs to its process: make it where it is used")
