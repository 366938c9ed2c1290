"""Part tasks: a corpus encoded unit by unit, in one process or several."""

from __future__ import annotations

import json
import multiprocessing
import pickle
from pathlib import Path
from typing import Any

import pytest
from conftest import TINY

import splade
from splade import PartTasks, SparseEncoder

WORDS = ["river", "stone", "market", "winter", "garden", "engine", "silver", "letter"]


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    path = tmp_path / "corpus.jsonl"
    texts = [" ".join(WORDS[i * j % 8] for j in range(3 + i % 5)) for i in range(20)]
    lines = [json.dumps({"id": f"d{i}", "text": text}) for i, text in enumerate(texts)]
    path.write_text("\n".join(lines) + "\n")
    return path


def rows(folder: Path) -> list[dict[str, Any]]:
    parts = sorted(folder.glob("part-*.jsonl"))
    return [json.loads(line) for part in parts for line in part.read_text().splitlines()]


def encode(folder: str, unit: dict[str, Any]) -> dict[str, Any]:
    return PartTasks(folder, TINY, threads=1).encode_part(unit, attempt=2)


def test_units_give_the_vectors_of_one_call(
    corpus: Path, tmp_path: Path, model: SparseEncoder
) -> None:
    out = tmp_path / "out"
    units = splade.plan(corpus, out, rows_per_part=6)
    assert [unit["rows"] for unit in units] == [6, 6, 6, 2]
    tasks = PartTasks(out, TINY, threads=1)
    assert tasks.units == units
    for unit in reversed(units):
        receipt = tasks.encode_part(unit)
        assert receipt["part"]["rows"] == unit["rows"]
        assert receipt["machine"]["threads"] == 1
    manifest = splade.finish(out, verify=True)
    assert (manifest["rows"], manifest["complete"]) == (20, True)
    texts = [json.loads(line)["text"] for line in corpus.read_text().splitlines()]
    expected = model.encode(texts, output="splade")
    found = rows(out)
    assert [row["id"] for row in found] == [f"d{i}" for i in range(20)]
    for i, row in enumerate(found):
        assert row["indices"] == expected[i].indices.tolist()
        assert row["values"] == pytest.approx(expected[i].values.tolist(), abs=1e-5)


def test_processes_share_the_units_and_nothing_is_made_twice(corpus: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    units = splade.plan([corpus], out, rows_per_part=5, max_active_dims=7)
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        receipts = pool.starmap(encode, [(str(out), unit) for unit in units])
    assert [receipt["attempt"]["number"] for receipt in receipts] == [2] * 4
    again = PartTasks(out, TINY, threads=1).encode_part(units[2], attempt=9)
    assert again == receipts[2]
    assert splade.finish(out)["rows"] == 20
    assert max(len(row["indices"]) for row in rows(out)) == 7


def test_parquet_in_and_out(corpus: Path, tmp_path: Path, model: SparseEncoder) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    records = [json.loads(line) for line in corpus.read_text().splitlines()]
    source = tmp_path / "corpus.parquet"
    parquet.write_table(pyarrow.Table.from_pylist(records), source, row_group_size=7)
    out = tmp_path / "out"
    units = splade.plan(source, out, rows_per_part=6, format="parquet")
    tasks = PartTasks(out, TINY, threads=1)
    for unit in units:
        tasks.encode_part(unit)
    assert splade.finish(out, verify=True)["rows"] == 20
    tables = [parquet.read_table(part) for part in sorted(out.glob("part-*.parquet"))]
    found = pyarrow.concat_tables(tables).to_pylist()
    expected = model.encode([record["text"] for record in records], output="splade")
    for i, row in enumerate(found):
        assert row["id"] == records[i]["id"]
        assert row["indices"] == expected[i].indices.tolist()
        assert row["values"] == pytest.approx(expected[i].values.tolist(), abs=1e-5)


def test_what_is_wrong_is_named(corpus: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    units = splade.plan(corpus, out, rows_per_part=6)
    with pytest.raises(ValueError, match="4 of 4 parts are missing"):
        splade.finish(out)
    with pytest.raises(ValueError, match="has another plan"):
        splade.plan(corpus, out, rows_per_part=7)
    with pytest.raises(ValueError, match="compress is bz2"):
        splade.plan(corpus, tmp_path / "other", compress="bz2")
    with pytest.raises(ValueError, match="rows_per_part must be a positive integer"):
        splade.plan(corpus, tmp_path / "other", rows_per_part=0)
    tasks = PartTasks(out, TINY, threads=1)
    with pytest.raises(ValueError, match="unit 7 is not of the plan"):
        tasks.encode_part({**units[1], "number": 7})
    corpus.write_text(corpus.read_text() + "\n")
    with pytest.raises(RuntimeError, match=r"unit 1 .*corpus.jsonl has changed"):
        tasks.encode_part(units[1])
    with pytest.raises(TypeError, match="belongs to its process"):
        pickle.dumps(tasks)
