"""Old names of arguments: they work, and warn once."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import Any, TypeVar

_F = TypeVar("_F", bound=Callable[..., Any])

logger = logging.getLogger("splade")


@functools.lru_cache(maxsize=None)
def warn_once(message: str) -> None:
    """Logs a warning, once in a process."""
    logger.warning(message)


def renamed(**new_names: str) -> Callable[[_F], _F]:
    """Lets a function take arguments by their old names. The new name wins if both are given."""

    def decorate(function: _F) -> _F:
        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            for old, new in new_names.items():
                if old in kwargs:
                    warn_once(f"The argument `{old}` is deprecated: it is called `{new}` now.")
                    value = kwargs.pop(old)
                    kwargs.setdefault(new, value)
            return function(*args, **kwargs)

        return call  # type: ignore[return-value]

    return decorate
