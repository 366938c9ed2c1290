"""Ask sentence-transformers what one changed key of a checkpoint's files does. README.md describes the result."""

import json
import shutil
import tempfile
from pathlib import Path

import torch
from sentence_transformers import SparseEncoder

import golden as plain_golden
from layout import METHODS
from variant_cases import all_cases

# A text that is cut, one of many letters and scripts, and one that names the special tokens.
TEXTS = ["passage_science", "accents_nfd", "mixed_case", "special_tokens"]


def golden(fixtures: Path, texts: dict[str, str]) -> dict:
    cases = all_cases()
    names = [(case["checkpoint"], case["name"]) for case in cases]
    twice = {name for name in names if names.count(name) > 1}
    assert not twice, twice
    unchanged = {name: reference(fixtures / name, {}, texts) for name in {case["checkpoint"] for case in cases}}
    lists: list = []
    answered = [answer(fixtures, case, texts, unchanged[case["checkpoint"]], lists) for case in cases]
    return {"versions": plain_golden.versions(), "cases": answered, "row_lists": lists}


def answer(fixtures: Path, case: dict, texts: dict[str, str], unchanged: list, lists: list) -> dict:
    """The case with the number of its list of rows for each of METHODS. One that we refuse, or that the reference does,
    has what the reference makes of it in a word."""
    # What the case means, where the reference cannot be asked about it as it stands.
    asked = case.pop("asked", case)
    rows = reference(fixtures / case["checkpoint"], asked, texts)
    if isinstance(rows, str):
        assert "refused" in case, f"{case['name']}: {rows}"
        return case | {"reference": f"refuses: {rows}"}
    if "refused" in case:
        return case | {"reference": "as if unchanged" if rows == unchanged else "other rows"}
    for row_list in rows:
        if row_list not in lists:
            lists.append(row_list)
    return case | {"rows": [lists.index(row_list) for row_list in rows]}


def reference(checkpoint: Path, case: dict, texts: dict[str, str]) -> list | str:
    """The rows of the changed checkpoint, or the name of the exception."""
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder) / "model"
        shutil.copytree(checkpoint, folder)
        edit(folder, case)
        try:
            return rows_of(folder, texts)
        except Exception as refusal:  # whatever it raises, there are no rows
            return type(refusal).__name__


def edit(folder: Path, case: dict) -> None:
    for file, keys in case.get("set", {}).items():
        change(folder / file, lambda fields: fields | keys)
    for file, keys in case.get("unset", {}).items():
        change(folder / file, lambda fields: {key: value for key, value in fields.items() if key not in keys})
    for file, content in case.get("write", {}).items():
        (folder / file).write_text(content, encoding="utf-8")
    for file in case.get("delete", []):
        (folder / file).unlink()


def change(path: Path, by) -> None:
    fields = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(by(fields)), encoding="utf-8")


def rows_of(folder: Path, texts: dict[str, str]) -> list[list[dict]]:
    encoder = SparseEncoder(str(folder), device="cpu", model_kwargs={"dtype": torch.float32})
    return [
        [{"name": name} | plain_golden.sparse(row(encoder, call["method"], texts[name])) for name in TEXTS]
        for call in METHODS
    ]


def row(encoder: SparseEncoder, method: str, text: str) -> torch.Tensor:
    found = getattr(encoder, method)([text])
    assert found.is_sparse and found.shape[0] == 1
    return found.to_dense()[0]
