"""A pytest plugin that runs sentence-transformers' tests on splade's `SparseEncoder`.

`run.py` loads it with `-p plugin`, before the tests and their conftest are imported.
"""

from __future__ import annotations

import importlib
import os
import sys
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import models
import pytest

# "splade" or "reference", and where the local models are.
ON = os.environ["SPLADE_CONFORMANCE_ON"]
MODELS = Path(os.environ["SPLADE_CONFORMANCE_MODELS"])
CHECKOUT = os.environ["SPLADE_CONFORMANCE_CHECKOUT"]

ALIASED = (
    "sentence_transformers",
    "sentence_transformers.sparse_encoder",
    "sentence_transformers.sparse_encoder.model",
)

# Now, before any conftest is imported: the installed package, not the checkout's, with our class.
modules = [importlib.import_module(name) for name in ALIASED]
models.make(MODELS)
if ON == "splade":
    from splade import SparseEncoder

    for module in modules:
        module.SparseEncoder = SparseEncoder  # type: ignore[attr-defined]


def pytest_report_header() -> str:
    import sentence_transformers

    version, file = sentence_transformers.__version__, sentence_transformers.__file__
    return f"on {ON}; sentence-transformers {version} from {file}"


def pytest_configure(config: pytest.Config) -> None:
    for name in ("slow", "custom"):
        config.addinivalue_line("markers", f"{name}: of sentence-transformers")
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="session", autouse=True)
def in_the_models_folder() -> None:
    os.chdir(MODELS)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call() -> None:
    """Puts the checkout behind the installed packages: workers that tests spawn inherit the path."""
    sys.path[:] = [*(path for path in sys.path if path != CHECKOUT), CHECKOUT]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if ON == "reference":
        return
    expected = tomllib.loads(Path(__file__).with_name("expected.toml").read_text("utf-8"))
    matched: dict[str, int] = {}

    def reason(item: pytest.Item, table: str) -> str | None:
        for pattern, why in expected.get(table, {}).items():
            if fnmatch(item.nodeid.split("tests/")[-1], pattern):
                matched[pattern] = matched.get(pattern, 0) + 1
                return str(why)
        return None

    never = []
    for item in items:
        why = reason(item, "never")
        if why is not None:
            never.append(item)
            print(f"never: {item.nodeid}: {why}")
            continue
        why = reason(item, "gap")
        if why is not None:
            item.add_marker(pytest.mark.xfail(reason=why, strict=True))
    config.hook.pytest_deselected(items=never)
    items[:] = [item for item in items if item not in never]
