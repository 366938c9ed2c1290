"""Several devices that share the texts of a call."""

from __future__ import annotations

from typing import Any

from splade._splade import Pool


class EncoderPool:
    """Workers of one model, started by `SparseEncoder.start_multi_process_pool`.

    They are threads of this process, so nothing is pickled and weights are shared. The pool keeps
    the model's limit of tokens from when it was started.
    """

    def __init__(self, native: Pool) -> None:
        self._native: Pool | None = native

    @property
    def native(self) -> Pool:
        """The workers."""
        if self._native is None:
            raise ValueError("the pool was stopped: start another one")
        return self._native

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
