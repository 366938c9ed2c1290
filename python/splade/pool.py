"""Several devices that share the texts of a call."""

from __future__ import annotations

import os
from typing import Any

from splade._splade import Pool


class EncoderPool:
    """Workers of one model, started by `SparseEncoder.start_multi_process_pool`.

    They are threads of this process, so nothing is pickled and weights are shared. The pool keeps
    the model's limit of tokens from when it was started.
    """

    def __init__(self, native: Pool, model: str) -> None:
        """`model` is the folder that the workers' weights are from."""
        self._native: Pool | None = native
        self._model = os.path.realpath(model)

    @property
    def native(self) -> Pool:
        """The workers."""
        if self._native is None:
            raise ValueError("the pool was stopped: start another one")
        return self._native

    def check(self, model: str) -> None:
        """Refuses a pool that was stopped, or whose workers have the weights of another model."""
        if self.native and self._model != os.path.realpath(model):
            raise ValueError(
                f"the pool is of the model {self._model}, not of {model}: start one with "
                "start_multi_process_pool of this model"
            )

    @property
    def devices(self) -> list[str]:
        """The devices of the workers."""
        return self.native.devices

    def close(self) -> None:
        """Stops the workers, once calls under way have ended."""
        self._native = None

    def __enter__(self) -> EncoderPool:
        return self

    def __exit__(self, *error: Any) -> None:
        self.close()

    def __reduce__(self) -> Any:
        raise TypeError("a pool belongs to its process: start one where it is used")


def check_pool(pool: Any) -> EncoderPool:
    """Refuses what is no pool."""
    if not isinstance(pool, EncoderPool):
        raise TypeError(
            f"pool is a {type(pool).__name__}, not what start_multi_process_pool of a model returns"
        )
    return pool
