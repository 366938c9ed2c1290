"""Models of the repository's fixtures, and what a test needs to be installed."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from splade import SparseEncoder

FIXTURES = Path(__file__).resolve().parents[2] / "tests" / "fixtures"
TINY = FIXTURES / "splade-tiny"
ROUTER = FIXTURES / "layouts" / "router-prompts"
CSR = FIXTURES / "layouts" / "csr-mean"

TEXTS = [
    "The weather is lovely today.",
    "It's so sunny outside!",
    "He drove to the stadium.",
    "",
    "Ünïcode, 漢字 and a much longer text than the others, so that batches have to be ordered.",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skips, aloud, what this environment cannot run."""
    for mark, package in (("torch", "torch"), ("reference", "sentence_transformers")):
        if importlib.util.find_spec(package) is None:
            for item in items:
                if item.get_closest_marker(mark):
                    item.add_marker(pytest.mark.skip(reason=f"{package} is not installed"))


@pytest.fixture(scope="session")
def loaded() -> SparseEncoder:
    return SparseEncoder(str(TINY), device="cpu")


@pytest.fixture
def model(loaded: SparseEncoder) -> SparseEncoder:
    """A model whose state a test may change."""
    import copy

    return copy.deepcopy(loaded)
