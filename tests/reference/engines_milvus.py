"""Milvus: the collection, rows and searches through pymilvus into milvus-lite."""

import json
import logging
import tempfile
from pathlib import Path

from engines_truth import Truth, assert_same_hits, json_lines, loads
from pymilvus import DataType, MilvusClient, MilvusException

TYPES = {"VarChar": DataType.VARCHAR, "SparseFloatVector": DataType.SPARSE_FLOAT_VECTOR}


def check(golden: Path, truth: Truth) -> dict:
    setup = json.loads((golden / "milvus.setup.json").read_text(encoding="utf-8"))
    rows = loads((golden / "milvus.rows.json").read_text(encoding="utf-8"))
    documents = [row for row in truth.documents if row["indices"]]
    for row, document in zip(rows, documents, strict=True):
        assert row == {"id": document["id"], "sparse": {str(i): w for i, w in document["weights"].items()}}

    logging.getLogger("pymilvus").setLevel(logging.CRITICAL)  # refusals are expected here
    with tempfile.TemporaryDirectory() as folder:
        client = MilvusClient(str(Path(folder) / "milvus.db"))
        create(client, setup)
        assert client.insert("passages", rows)["insert_count"] == len(rows)
        for refused in ({}, {"1": -0.5}):
            try:
                client.insert("passages", [{"id": "refused", "sparse": refused}])
            except MilvusException:
                continue
            raise AssertionError(f"milvus-lite takes {refused} now: say so where crates/export has its limits")
        queries = json_lines(golden / "milvus.queries.jsonl")
        for body, row in zip(queries, truth.queries, strict=True):
            hits = client.search(
                body["collectionName"],
                data=body["data"],
                anns_field=body["annsField"],
                limit=body["limit"],
                output_fields=body["outputFields"],
                search_params={"metric_type": body["searchParams"]["metricType"], "params": body["searchParams"]["params"]},
            )[0]
            assert_same_hits([(hit["entity"]["id"], hit["distance"]) for hit in hits], truth.best(row))
        client.close()
    return {"milvus": f"{len(rows)} rows inserted, {len(queries)} searches answered as by brute force; no weights and negative weights are refused"}


def create(client: MilvusClient, setup: dict) -> None:
    """The REST body, said in pymilvus' words."""
    assert setup.keys() == {"collectionName", "schema", "indexParams"}
    fields = setup["schema"].pop("fields")
    schema = client.create_schema(
        auto_id=setup["schema"].pop("autoId"), enable_dynamic_field=setup["schema"].pop("enableDynamicField")
    )
    assert not setup["schema"]
    for field in fields:
        parameters = field.get("elementTypeParams", {})
        schema.add_field(
            field["fieldName"],
            TYPES[field["dataType"]],
            is_primary=field.get("isPrimary", False),
            **{name: int(value) for name, value in parameters.items()},
        )
    index = client.prepare_index_params()
    for parameters in setup["indexParams"]:
        index.add_index(
            parameters["fieldName"],
            index_name=parameters["indexName"],
            index_type=parameters["indexType"],
            metric_type=parameters["metricType"],
            params=parameters["params"],
        )
    client.create_collection(setup["collectionName"], schema=schema, index_params=index)
