"""Checks of arguments, each by its name, before the native module sees them."""

from __future__ import annotations

import operator
import os
from typing import Any


def positive(name: str, value: Any) -> int | None:
    """A positive integer of Python, numpy or torch, or None; anything else is a ValueError."""
    if value is None:
        return None
    try:
        number = 0 if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = 0
    if number <= 0:
        raise ValueError(f"{name} must be a positive integer, got {value}.")
    return number


def required(name: str, value: Any) -> int:
    """A positive integer; None is refused too."""
    number = positive(name, value)
    if number is None:
        raise ValueError(f"{name} must be a positive integer, got None.")
    return number


def threads(value: Any) -> int | None:
    """A number of threads that a process can have."""
    number = positive("threads", value)
    limit = max(1024, 64 * (os.cpu_count() or 1))
    if number is not None and number > limit:
        raise ValueError(
            f"threads is {number}, more than {limit} (1,024, or 64 for each core): each has a "
            "stack and buffers of its own, and more threads than cores only wait"
        )
    return number


def text(name: str, value: Any) -> str | None:
    """A string or None; anything else is a TypeError."""
    if value is not None and not isinstance(value, str):
        raise TypeError(f"{name} is {value!r}, not a string")
    return value


def prompts(value: Any) -> dict[str, Any]:
    """Prompts by name; one that is None is not known yet."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise TypeError(f"prompts is a {type(value).__name__}, not a dictionary of texts by name")
    for name, prompt in value.items():
        text("a name of prompts", name)
        text(f"prompts[{name!r}]", prompt)
    return dict(value)
