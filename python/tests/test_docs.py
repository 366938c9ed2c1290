"""The blocks of docs/python.md, in order, in one process."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from conftest import TINY

PAGE = TINY.parents[2] / "docs" / "python.md"
BLOCK = re.compile(r"^```python(?: norun=(?P<reason>\w+))?\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.torch
def test_every_block_of_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("scipy", "pyarrow"):
        pytest.importorskip(package)
    # A folder with the name of the page's model.
    shutil.copytree(TINY, tmp_path / "naver" / "splade-v3")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    blocks = [match for match in BLOCK.finditer(PAGE.read_text("utf-8"))]
    assert len(blocks) > 8
    for block in blocks:
        code = compile(block["code"], f"{PAGE.name}, block at {block.start()}", "exec")
        if block["reason"] is None:
            exec(code, names)


def test_blocks_that_are_not_run_name_a_package_that_is_needed() -> None:
    reasons = [block["reason"] for block in BLOCK.finditer(PAGE.read_text("utf-8")) if block["reason"]]
    assert reasons == ["qdrant_client", "langchain", "llama_index", "haystack"]
