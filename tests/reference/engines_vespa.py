"""Vespa: its feed program against a stand-in for a server, pyvespa's schema, and the grammar of tensor literals."""

import json
import subprocess
import urllib.parse
from pathlib import Path

import vespacli
from engines_truth import Truth, assert_same_hits, dot, f32, json_lines, loads
from engines_vespa_server import Server
from vespa.package import Document, Field, FirstPhaseRanking, RankProfile, Schema

TENSOR = "tensor<float>(token{})"


def check(golden: Path, truth: Truth) -> dict:
    schema(golden)
    documents = feed(golden, truth)
    for body, row in zip(json_lines(golden / "vespa.queries.jsonl"), truth.queries, strict=True):
        assert body.keys() == {"yql", "hits", "ranking", "input.query(q)"}
        assert body["yql"] == "select id from passages where true" and body["hits"] == truth.k
        assert body["ranking"] == {"profile": "passages"}
        query = tensor(body["input.query(q)"])
        assert query == truth.tokens(row)
        hits = sorted(((name, dot(query, cells)) for name, cells in documents.items()), key=lambda hit: -hit[1])
        assert_same_hits(hits[: truth.k], truth.best(row))
    return {"vespa": f"vespa feed puts {len(documents)} documents; the schema is pyvespa's; tensor literals parse"}


def schema(golden: Path) -> None:
    expected = Schema(
        name="passages",
        document=Document(
            fields=[
                Field(name="id", type="string", indexing=["summary", "attribute"]),
                Field(name="sparse", type=TENSOR, indexing=["attribute"], attribute=["fast-rank"]),
            ]
        ),
        rank_profiles=[
            RankProfile(
                name="passages",
                inputs=[("query(q)", TENSOR)],
                first_phase=FirstPhaseRanking(expression="sum(query(q) * attribute(sparse))"),
            )
        ],
    ).schema_to_text.strip()
    ours = (golden / "vespa.setup.sd").read_text(encoding="utf-8").strip()
    assert ours == expected, expected


def feed(golden: Path, truth: Truth) -> dict[str, dict[str, float]]:
    """What `vespa feed` sends to /document/v1."""
    received: dict[str, dict[str, float]] = {}

    def take(path: str, body: bytes) -> None:
        prefix = "/document/v1/passages/passages/docid/"
        path = urllib.parse.urlsplit(path).path
        assert path.startswith(prefix), path
        name = urllib.parse.unquote(path.removeprefix(prefix))
        fields = loads(body)["fields"]
        assert fields.keys() == {"id", "sparse"} and fields["sparse"].keys() == {"cells"}
        assert name == fields["id"] and name not in received, name
        received[name] = fields["sparse"]["cells"]

    server = Server(take)
    done = subprocess.run(
        [vespacli.get_binary_path(), "feed", golden / "vespa.rows.jsonl", "--target",
         f"http://127.0.0.1:{server.port}", "--compression", "none", "--timeout", "20"],
        capture_output=True, text=True,
    )  # fmt: skip
    server.close()
    assert done.returncode == 0, done.stderr
    statistics = json.loads(done.stdout)
    assert statistics["feeder.ok.count"] == len(truth.documents) and statistics["feeder.error.count"] == 0, statistics
    for row in truth.documents:
        assert received[row["id"]] == truth.tokens(row), row["id"]
    return received


def tensor(text: str) -> dict[str, float]:
    """`MappedValueParser` of Vespa's TensorParser.java: labels in either quote, without escapes."""
    assert text[0] == "{" and text[-1] == "}"
    cells: dict[str, float] = {}
    position = 1
    while position < len(text) - 1:
        assert text.startswith("{token:", position), text[position:]
        position += len("{token:")
        quote = text[position]
        assert quote in "'\""
        end = text.index(quote, position + 1)
        label = text[position + 1 : end]
        assert text.startswith("}:", end + 1) and label not in cells
        position = end + 3
        end = next(i for i in range(position, len(text)) if text[i] in ",]}: ")
        cells[label] = f32(text[position:end])
        position = end + 1
    return cells
