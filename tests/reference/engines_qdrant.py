"""Qdrant: pydantic models of its REST API, and the client's local mode."""

import json
import uuid
from pathlib import Path

from engines_truth import Truth, assert_same_hits, json_lines
from qdrant_client import QdrantClient, models


def point_id(name: str) -> int | str:
    if name.isascii() and name.isdigit() and str(int(name)) == name and int(name) < 2**64:
        return int(name)
    try:
        if str(uuid.UUID(name)) == name:
            return name
    except ValueError:
        pass
    return str(uuid.uuid5(uuid.NAMESPACE_OID, name))


def check(golden: Path, truth: Truth) -> dict:
    setup = models.CreateCollection.model_validate(json.loads((golden / "qdrant.setup.json").read_text(encoding="utf-8")))
    client = QdrantClient(":memory:")
    client.create_collection("passages", setup.vectors, setup.sparse_vectors)
    batches = [models.PointsList.model_validate(line) for line in json_lines(golden / "qdrant.rows.jsonl")]
    assert [len(batch.points) for batch in batches] == [16, 16, 8]
    points = [point for batch in batches for point in batch.points]
    assert len({point.id for point in points}) == len(truth.documents)
    for point, row in zip(points, truth.documents, strict=True):
        assert point.id == point_id(row["id"]), point
        assert point.payload == {"id": row["id"]}
        vector = point.vector["text"]
        assert dict(zip(vector.indices, vector.values, strict=True)) == row["weights"]
    for batch in batches:
        client.upsert("passages", batch.points)
    assert client.count("passages").count == len(truth.documents)

    queries = json_lines(golden / "qdrant.queries.jsonl")
    for body, row in zip(queries, truth.queries, strict=True):
        query = models.QueryRequest.model_validate(body)
        hits = client.query_points(
            "passages", query.query, using=query.using, limit=query.limit, with_payload=query.with_payload
        ).points
        assert_same_hits([(hit.payload["id"], hit.score) for hit in hits], truth.best(row))
    return {"qdrant": f"{len(points)} points stored, {len(queries)} queries answered as by brute force"}
