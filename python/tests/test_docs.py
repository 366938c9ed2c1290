"""The blocks of docs/python.md, in order, in one process."""

from __future__ import annotations

import importlib.util
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from conftest import TINY

PAGE = TINY.parents[2] / "docs" / "python.md"
BLOCK = re.compile(
    r"^```python(?: needs=(?P<package>[\w.]+))?\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL
)


def blocks(package: str | None) -> list[Any]:
    """The compiled blocks that need that package, or none."""
    page = PAGE.read_text("utf-8")
    return [
        compile(match["code"], f"{PAGE.name}, line {page[: match.start()].count(chr(10)) + 1}", "exec")
        for match in BLOCK.finditer(page)
        if match["package"] == package
    ]


@pytest.fixture(scope="module")
def after_the_page(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a reader's names are worth after the blocks that need only our extras."""
    for package in ("scipy", "pyarrow"):
        pytest.importorskip(package)
    folder = tmp_path_factory.mktemp("page")
    # A folder with the name of the page's model.
    shutil.copytree(TINY, folder / "naver" / "splade-v3")
    names: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        own = blocks(None)
        assert len(own) >= 8
        for block in own:
            exec(block, names)
    return names


@pytest.mark.torch
def test_every_block_of_the_page_runs(after_the_page: dict[str, Any]) -> None:
    assert after_the_page["matrix"].shape == (3, 30522)


@pytest.mark.torch
@pytest.mark.parametrize(
    ("package", "n_found"),
    [
        ("qdrant_client", 2),
        ("langchain_qdrant", 2),
        ("llama_index.vector_stores.qdrant", 2),
        ("haystack", 3),
    ],
)
def test_programs_of_others_find_texts(
    after_the_page: dict[str, Any], package: str, n_found: int
) -> None:
    if importlib.util.find_spec(package.partition(".")[0]) is None:
        pytest.skip(f"{package} is not installed")
    names = dict(after_the_page)
    if package.startswith("llama_index"):
        from qdrant_client import QdrantClient

        names["QdrantClient"] = QdrantClient
    (block,) = blocks(package)
    exec(block, names)
    assert len(names["found"]) == n_found


def test_each_block_is_run_by_one_of_these_tests() -> None:
    packages = {match["package"] for match in BLOCK.finditer(PAGE.read_text("utf-8"))}
    assert packages == {
        None,
        "qdrant_client",
        "langchain_qdrant",
        "llama_index.vector_stores.qdrant",
        "haystack",
    }
