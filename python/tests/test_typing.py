"""What a type checker learns of a call."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

CALLS = {
    'model.encode("a", output="splade")': "SparseRow",
    'model.encode(["a"], output="splade")': "SparseMatrix",
    'model.encode({"text": "a"}, output="splade")': "SparseRow",
    '[row for row in model.encode(["a"], output="splade")][0]': "SparseRow",
    'model.encode_query("a", output="splade", max_active_dims=3)': "SparseRow",
    'model.encode_query("a")': "Tensor",
    'model.encode_document(["a"], batch_size=3)': "Tensor",
    'model.encode(["a"], convert_to_tensor=False)': "list[Tensor]",
    'model.encode(["a"], "query")': "Any",
    'model.encode(["a"], output="scipy")': "Any",
}


@pytest.mark.torch
def test_the_result_of_a_call_has_the_type_of_its_form(tmp_path: Path) -> None:
    mypy = pytest.importorskip("mypy.api")
    program = tmp_path / "program.py"
    lines = [f"reveal_type({call})" for call in CALLS]
    program.write_text("\n".join(["from splade import SparseEncoder", 'model = SparseEncoder("m")', *lines]))
    out, err, _ = mypy.run([str(program), "--cache-dir", str(tmp_path / "cache")])
    assert not err
    found = re.findall(r'Revealed type is "([^"]*)"', out)
    short = [re.sub(r"[\w.]+\.(\w+)", r"\1", name) for name in found]
    assert short == list(CALLS.values()), out
