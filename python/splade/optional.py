"""Packages that a call may need: imported then, or refused by name."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

_EXTRAS = {
    "huggingface_hub": "hub",
    "pyarrow": "arrow",
    "scipy.sparse": "scipy",
    "torch": "torch",
    "tqdm.auto": "progress",
}


def require(name: str, why: str) -> Any:
    """Imports a package of an extra. An ImportError says what needs it, and how to get it."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        package = name.split(".")[0]
        if error.name is None or error.name.split(".")[0] != package:
            raise  # It is installed, and broken.
        extra = _EXTRAS[name]
        raise ImportError(f'{why} needs {package}: pip install "splade[{extra}]"') from error


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
