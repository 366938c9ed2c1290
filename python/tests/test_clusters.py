"""Columns of vectors on engines for many machines, with real processes of these engines."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import TINY

from splade import SparseEncoder
from splade.columns import encode_column, loaded

pa = pytest.importorskip("pyarrow")
pytest.importorskip("pyarrow.parquet")
N_ROWS = 600
ROWS = [{"id": i, "text": f"The river {i % 7} runs through town {i}."} for i in range(N_ROWS)]


@pytest.fixture(scope="module")
def truth() -> Any:
    model = SparseEncoder(str(TINY), device="cpu", threads=1)
    return model.encode_document([row["text"] for row in ROWS], output="splade")


def check(rows: Any, truth: Any, without: set[int] = frozenset()) -> None:  # type: ignore[assignment]
    """Each row once, with the vector of its text."""
    rows = sorted(rows, key=lambda row: row["id"])
    assert [row["id"] for row in rows] == list(range(N_ROWS))
    for row in rows:
        if row["id"] in without:
            assert row["vector"] is None
            continue
        expected = truth[row["id"]]
        assert row["vector"]["indices"] == expected.indices.tolist()
        np.testing.assert_allclose(row["vector"]["values"], expected.values, rtol=1e-5, atol=1e-5)


def test_a_column_has_null_vectors_for_null_texts(model: SparseEncoder) -> None:
    texts = pa.chunked_array([["sunny", None], ["", "rain"]])
    found = encode_column(model, texts, task="document", max_active_dims=3)
    alone = model.encode_document(["sunny", "", "rain"], output="splade", max_active_dims=3)
    expected = [{"indices": row.indices.tolist(), "values": row.values.tolist()} for row in alone]
    expected.insert(1, None)  # type: ignore[arg-type]
    assert found.to_pylist() == expected


def test_a_column_may_be_empty_or_sliced(model: SparseEncoder) -> None:
    assert len(encode_column(model, pa.array([], pa.string()))) == 0
    texts = pa.array(["sunny", "rain", "stadium"])
    whole, part = encode_column(model, texts), encode_column(model, texts.slice(1, 1))
    assert part.to_pylist() == whole.to_pylist()[1:2]


def test_a_column_may_be_a_dictionary_or_of_nulls(model: SparseEncoder) -> None:
    texts = pa.array(["sunny", None, "rain", "sunny"])
    expected = encode_column(model, texts).to_pylist()
    for column in (texts.dictionary_encode(), pa.chunked_array([texts.dictionary_encode()])):
        assert encode_column(model, column).to_pylist() == expected
    for column in (pa.nulls(2), pa.chunked_array([pa.nulls(1), pa.nulls(1)])):
        assert encode_column(model, column).to_pylist() == [None, None]


def test_a_column_of_numbers_and_an_unknown_task_are_refused(model: SparseEncoder) -> None:
    with pytest.raises(Exception, match="Int64, expected string"):
        encode_column(model, pa.array([1, 2]))
    with pytest.raises(ValueError, match="'passage'"):
        encode_column(model, pa.array(["a"]), task="passage")  # type: ignore[arg-type]


def test_a_process_loads_a_model_once() -> None:
    assert loaded(str(TINY), device="cpu") is loaded(str(TINY), device="cpu")
    assert loaded(str(TINY), device="cpu", threads=1) is not loaded(str(TINY), device="cpu")
    prompts = {"query": "q: "}
    model = loaded(str(TINY), device="cpu", prompts=prompts)
    assert model is loaded(str(TINY), device="cpu", prompts=dict(prompts))
    assert model.prompts["query"] == "q: "


@pytest.fixture(scope="module")
def ray() -> Iterator[Any]:
    ray = pytest.importorskip("ray")
    ray.init(num_cpus=2, include_dashboard=False, logging_level="ERROR")
    yield ray
    ray.shutdown()


def test_ray_gives_each_row_its_vector(ray: Any, truth: Any, tmp_path: Path) -> None:
    from splade.ray import SparseEncoderActor

    dataset = ray.data.from_items(ROWS, override_num_blocks=4).map_batches(
        SparseEncoderActor,
        fn_constructor_kwargs={"model": str(TINY), "task": "document", "device": "cpu"},
        batch_format="pyarrow",
        batch_size=100,
        num_cpus=1,
        concurrency=(1, 2),
        max_task_retries=3,
    )
    dataset.write_parquet(str(tmp_path / "out"))
    check(pa.parquet.read_table(tmp_path / "out").to_pylist(), truth)


def test_ray_ends_with_the_reason_if_a_column_is_missing(ray: Any) -> None:
    from splade.ray import SparseEncoderActor

    dataset = ray.data.from_items(ROWS[:10]).map_batches(
        SparseEncoderActor,
        fn_constructor_kwargs={"model": str(TINY), "column": "body", "device": "cpu"},
        batch_format="pyarrow",
        batch_size=10,
        num_cpus=1,
        concurrency=1,
    )
    with pytest.raises(Exception, match="no column 'body'"):
        dataset.materialize()


def test_spark_gives_each_row_its_vector(
    truth: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pyspark = pytest.importorskip("pyspark.sql")
    from splade import spark

    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    builder = pyspark.SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    session = builder.getOrCreate()
    try:
        rows = [(row["id"], None if row["id"] == 5 else row["text"]) for row in ROWS]
        frame = session.createDataFrame(rows, "id long, text string").repartition(3)
        encode = spark.encoder(str(TINY), task="document", device="cpu", threads=1)
        vectors = frame.mapInArrow(encode, spark.schema(frame.schema))
        vectors.write.parquet(str(tmp_path / "out"))
        found = session.read.parquet(str(tmp_path / "out")).collect()
        check([row.asDict(recursive=True) for row in found], truth, without={5})
    finally:
        session.stop()
