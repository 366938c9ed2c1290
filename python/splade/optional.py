"""Packages that a call may need: imported then, or refused by name."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any


def require(name: str, why: str) -> Any:
    """Imports a package of one of our extras. An ImportError says what needs it, and how to get
    it."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        package = name.split(".")[0]
        if error.name is None or error.name.split(".")[0] != package:
            raise  # It is installed, and broken.
        # The package that is needed, not an extra of ours: `splade` on PyPI is not this one.
        raise ImportError(f"{why} needs {package}: pip install {package}") from error


def torch(why: str = "output='torch', the default,") -> Any:
    """torch, or an ImportError that names the other forms."""
    try:
        return require("torch", why)
    except ImportError as error:
        hint = 'or choose output="scipy", "arrow" or "splade"'
        raise ImportError(f"{error}; {hint}") from error


def imported(name: str) -> ModuleType | None:
    """A package, if this process has imported it: only then can an object be of its types."""
    import sys

    return sys.modules.get(name)
