"""Files of texts and vectors as others write them, and our own read back by others.

    pip install pyarrow==26.0.1 pandas==3.1.1 scipy==1.17.1 numpy==2.4.6 zstandard==0.25.0
    python tests/reference/corpus_files.py                # rewrites tests/fixtures/corpus/
    cargo test -p splade-corpus --all-features            # writes target/tmp/corpus/
    python tests/reference/corpus_files.py --read target/tmp/corpus

Run with Python 3.11. Nothing is random, and no file has a time in it.
"""

import argparse
import csv
import gzip
import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import scipy.sparse as sp
import zstandard

FOLDER = Path(__file__).parents[1] / "fixtures" / "corpus"

TITLES = ["Sun", "", "  ", "A \"quoted\", title", "Tabs\tand\nlines", "Große", "日本", "x"]
TEXTS = [
    "It's so sunny outside!",
    "no title here",
    " spaces around ",
    'He said: "no", twice',
    "a\r\nb\n\nc\td",
    "Übermut tut selten gut",
    "東京タワー",
    "",
]
# Enough rows for several batches and row groups.
N_ROWS = 700

DIMENSION = 1000
N_VECTORS = 40


def records() -> list[dict]:
    rows = []
    for i in range(N_ROWS):
        title, text = TITLES[i % len(TITLES)], TEXTS[(i * 3) % len(TEXTS)]
        rows.append({"_id": f"doc-{i}", "title": title, "text": f"{text}{i}" if i % 5 else text})
    return rows


def joined(row: dict) -> str:
    """BEIR's: beir/retrieval/models/sentence_bert.py, SentenceBERT.encode_corpus."""
    return (row["title"] + " " + row["text"]).strip()


def vectors() -> list[tuple[str, list[int], list[float]]]:
    rows = []
    for i in range(N_VECTORS):
        indices = list(range(i % 9, DIMENSION, 17 + 40 * (i % 7)))[: i % 30]
        values = [float(np.float32(np.log1p((j + i) % 11 + 0.3))) for j in range(len(indices))]
        rows.append((f"d{i}é", indices, values))
    return rows


def write_texts() -> None:
    rows = records()
    expected = {
        "joined": [[row["_id"], joined(row)] for row in rows],
        "texts": [[row["_id"], row["text"]] for row in rows],
    }
    (FOLDER / "texts.json").write_text(json.dumps(expected, ensure_ascii=False) + "\n")

    ids = [row["_id"] for row in rows]
    extra = pa.array([[i, i + 1] for i in range(N_ROWS)])
    for name, kind, options in [
        ("string", pa.string(), {"compression": "snappy"}),
        ("large_string", pa.large_string(), {"compression": "zstd", "row_group_size": 100}),
        ("string_view", pa.string_view(), {"compression": "none", "use_dictionary": False}),
        ("dictionary", pa.dictionary(pa.int32(), pa.string()), {"data_page_version": "2.0"}),
    ]:
        columns = {"extra": extra, "text": pa.array([row["text"] for row in rows]).cast(kind)}
        columns["_id"] = pa.array(ids)
        columns["title"] = pa.array([row["title"] for row in rows]).cast(kind)
        pq.write_table(pa.table(columns), FOLDER / f"{name}.parquet", **options)
    three = {"id": pa.array([7, 8, 2**40]), "text": pa.array(["a", "b", "c"])}
    pq.write_table(pa.table(three), FOLDER / "integer_ids.parquet")
    pq.write_table(pa.table(three | {"text": pa.array(["a", "b", None])}), FOLDER / "null.parquet")
    pq.write_table(pa.table(three | {"text": pa.array([1, 2, 3])}), FOLDER / "no_text.parquet")

    write_small_parquet(rows[:20])

    table = pd.DataFrame(rows)
    table.to_csv(FOLDER / "pandas.csv.gz", index=False, compression={"method": "gzip", "mtime": 0})
    table.to_csv(FOLDER / "pandas.tsv.zst", index=False, sep="\t")
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, ["title", "_id", "text"], quoting=csv.QUOTE_ALL)
    writer.writeheader()
    writer.writerows(rows[:20])
    (FOLDER / "python.csv").write_text(text.getvalue(), encoding="utf-8-sig", newline="")

    lines = [json.dumps(row, ensure_ascii=i % 2 == 0) + "\n" for i, row in enumerate(rows)]
    halves = ["".join(lines[:350])[:-30].encode(), "".join(lines)[len("".join(lines[:350])) - 30 :].encode()]
    (FOLDER / "members.jsonl.gz").write_bytes(b"".join(gzip.compress(half, mtime=0) for half in halves))
    zstd = zstandard.ZstdCompressor()
    (FOLDER / "frames.jsonl.zst").write_bytes(b"".join(zstd.compress(half) for half in halves))


def write_small_parquet(rows: list[dict]) -> None:
    """Files of each codec, of bytes instead of texts, without titles, and with ids of many types."""
    columns = {name: [row[name] for row in rows] for name in ["_id", "title", "text"]}
    for codec in ["gzip", "brotli", "lz4"]:
        pq.write_table(pa.table(columns), FOLDER / f"codec_{codec}.parquet", compression=codec)
    as_bytes = {name: pa.array([cell.encode() for cell in cells]) for name, cells in columns.items()}
    pq.write_table(pa.table(as_bytes), FOLDER / "binary.parquet")
    no_utf8 = {"id": [b"a", b"b"], "text": [b"a", b"caf\xe9"]}
    pq.write_table(pa.table(no_utf8), FOLDER / "not_utf8.parquet")
    titles = {"missing": None, "null": pa.nulls(20), "null_strings": pa.nulls(20, pa.string())}
    for name, column in titles.items():
        without = {"_id": columns["_id"], "text": columns["text"]}
        table = pa.table(without if column is None else without | {"title": column})
        pq.write_table(table, FOLDER / f"title_{name}.parquet")
    ids = {
        "uint64": pa.array([2**64 - 1, 0, 7], pa.uint64()),
        "int8": pa.array([-1, 0, 7], pa.int8()),
        "view": pa.array(["a", "b", "c"], pa.string_view()),
        "dictionary": pa.array(["a", "b", "c"]).dictionary_encode(),
        "bytes": pa.array([b"a", b"b", b"c"], pa.large_binary()),
    }
    pq.write_table(pa.table(ids | {"text": ["x", "y", "z"]}), FOLDER / "id_types.parquet")


def write_vectors() -> None:
    rows = vectors()
    (FOLDER / "vectors.json").write_text(json.dumps(rows, ensure_ascii=False) + "\n")
    ids, indices, values = zip(*rows)
    for name, integers, floats in [("32", pa.uint32(), pa.float32()), ("64", pa.int64(), pa.float64())]:
        table = pa.table({
            "values": pa.array(values, pa.list_(floats)),
            "id": pa.array(ids),
            "indices": pa.array(indices, pa.list_(integers)),
        })
        pq.write_table(table, FOLDER / f"vectors_{name}.parquet")
    broken = {"id": ["a", "b"], "indices": [[1], [-1]], "values": [[1.0], [1.0]]}
    pq.write_table(pa.table(broken), FOLDER / "negative_index.parquet")
    broken = {"id": ["a", "b"], "indices": [[1], [1, None]], "values": [[1.0], [1.0, 2.0]]}
    pq.write_table(pa.table(broken), FOLDER / "null_index.parquet")


def read_back(folder: Path) -> None:
    """Our files, read by pyarrow, SciPy and json, hold the same rows."""
    lines = [json.loads(line) for line in (folder / "vectors.jsonl").read_text().splitlines()]
    expected = [(row["id"], row["indices"], [np.float32(v) for v in row["values"]]) for row in lines]
    assert len(expected) > 0

    file = pq.ParquetFile(folder / "vectors.parquet")
    table = file.read()
    assert table.schema.field("id").type == pa.string(), table.schema
    assert table.schema.field("indices").type.value_type == pa.uint32(), table.schema
    assert table.schema.field("values").type.value_type == pa.float32(), table.schema
    dimension = int(file.metadata.metadata[b"dimension"])
    found = [(row["id"], row["indices"], [np.float32(v) for v in row["values"]]) for row in table.to_pylist()]
    assert found == expected
    assert len(pd.read_parquet(folder / "vectors.parquet")) == len(expected)

    matrix = sp.load_npz(folder / "vectors.npz")
    assert matrix.shape == (len(expected), dimension) and matrix.dtype == np.float32
    assert list(np.load(folder / "vectors.npz")["ids"]) == [row[0] for row in expected]
    for i, (_, indices, values) in enumerate(expected):
        row = matrix[[i]]
        assert list(row.indices) == indices and list(row.data) == values

    for name, opener in [("vectors.jsonl.gz", gzip.open), ("vectors.jsonl.zst", zstandard.open)]:
        with opener(folder / name, "rt", encoding="utf-8") as file:
            assert file.read() == (folder / "vectors.jsonl").read_text()
    print(f"{len(expected)} rows of dimension {dimension} are the same in every format")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--read", type=Path, help="a folder of files that our tests wrote")
    arguments = parser.parse_args()
    if arguments.read:
        read_back(arguments.read)
    else:
        FOLDER.mkdir(exist_ok=True)
        write_texts()
        write_vectors()
