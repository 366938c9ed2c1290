"""Elasticsearch and OpenSearch: mappings and queries by their clients' classes, `_bulk` by its rules."""

import json
from pathlib import Path

from elasticsearch.dsl.field import construct_field
from elasticsearch.dsl.query import Q
from engines_truth import Truth, assert_same_hits, dot, json_lines
from opensearchpy.helpers.field import construct_field as construct_opensearch_field

MIN_NORMAL = 2.0**-126  # Lucene's FeatureField takes nothing smaller


def bulk(path: Path, truth: Truth, weights) -> dict[str, dict[str, float]]:
    """Reads an `_bulk` body: action and document by turns, each on its line."""
    lines = json_lines(path)
    documents = {}
    for action, document, row in zip(lines[::2], lines[1::2], truth.documents, strict=True):
        assert action == {"index": {"_index": "passages", "_id": row["id"]}}
        assert list(document) == ["id", "tokens"] and document["id"] == row["id"]
        assert document["tokens"] == weights(row), (document, weights(row))
        assert all(key and weight >= MIN_NORMAL for key, weight in document["tokens"].items())
        documents[row["id"]] = document["tokens"]
    assert len(documents) == len(truth.documents)
    return documents


def mapping(path: Path, field_type: str, construct) -> dict:
    setup = json.loads(path.read_text(encoding="utf-8"))
    properties = setup["mappings"]["properties"]
    assert {name: field["type"] for name, field in properties.items()} == {"id": "keyword", "tokens": field_type}
    if construct:
        for field in properties.values():
            assert construct(field).to_dict() == field
    return setup


def assert_ranks(documents: dict, query: dict, truth: Truth, row: dict, weights) -> None:
    hits = sorted(((name, dot(query, tokens)) for name, tokens in documents.items()), key=lambda hit: -hit[1])
    assert_same_hits(hits[: truth.k], truth.best(row, weights))


def check(golden: Path, truth: Truth) -> dict:
    return {**elasticsearch(golden, truth), **opensearch(golden, truth)}


def elasticsearch(golden: Path, truth: Truth) -> dict:
    def weights(row: dict) -> dict:
        return truth.tokens(row, lambda token: token.replace("%", "%25").replace(".", "%2E"))

    for name, field_type in [("elasticsearch", "rank_features"), ("elasticsearch-sparse-vector", "sparse_vector")]:
        mapping(golden / f"{name}.setup.json", field_type, construct_field)
        documents = bulk(golden / f"{name}.rows.jsonl", truth, weights)
        assert not any("." in token for tokens in documents.values() for token in tokens)

    for name, function in [("elasticsearch", "saturation"), ("elasticsearch-linear", "linear")]:
        for body, row in zip(json_lines(golden / f"{name}.queries.jsonl"), truth.queries, strict=True):
            assert body.keys() == {"size", "query"} and body["size"] == truth.k
            assert Q(body["query"]).to_dict() == body["query"]
            clauses = [clause["rank_feature"] for clause in body["query"]["bool"]["should"]]
            # As sentence-transformers builds it, but for full stops.
            expected = [
                {"rank_feature": {"field": f"tokens.{token}", function: {}, "boost": weight}}
                for token, weight in weights(row).items()
            ]
            assert body["query"] == {"bool": {"should": expected, "minimum_should_match": 1}}
            query = {clause["field"].removeprefix("tokens."): clause["boost"] for clause in clauses}
            assert_ranks(documents, query, truth, row, weights)

    for body, row in zip(json_lines(golden / "elasticsearch-sparse-vector.queries.jsonl"), truth.queries, strict=True):
        assert body.keys() == {"size", "query"} and body["size"] == truth.k
        assert Q(body["query"]).to_dict() == body["query"]
        query = body["query"]["sparse_vector"]
        assert query.keys() == {"field", "query_vector", "prune"} and query["field"] == "tokens"
        assert query["prune"] is False and query["query_vector"] == weights(row)
        assert_ranks(documents, query["query_vector"], truth, row, weights)

    claim = f"{len(documents)} documents keep the documented rules; mappings and queries parse and come back the same"
    return {"elasticsearch": claim, "elasticsearch-sparse-vector": claim}


def opensearch(golden: Path, truth: Truth) -> dict:
    def indices(row: dict) -> dict:
        return {str(index): weight for index, weight in row["weights"].items()}

    mapping(golden / "opensearch.setup.json", "rank_features", construct_opensearch_field)
    setup = mapping(golden / "opensearch-sparse-vector.setup.json", "sparse_vector", None)
    assert setup["settings"] == {"index": {"sparse": True}}
    method = setup["mappings"]["properties"]["tokens"]["method"]
    assert method["name"] == "seismic" and method["parameters"].keys() <= {
        "n_postings", "cluster_ratio", "summary_prune_ratio", "approximate_threshold",
    }  # fmt: skip

    for name, weights in [("opensearch", truth.tokens), ("opensearch-sparse-vector", indices)]:
        documents = bulk(golden / f"{name}.rows.jsonl", truth, weights)
        for body, row in zip(json_lines(golden / f"{name}.queries.jsonl"), truth.queries, strict=True):
            query = {"query_tokens": weights(row)}
            if name == "opensearch-sparse-vector":
                query["method_parameters"] = {"k": truth.k}
            assert body == {"size": truth.k, "query": {"neural_sparse": {"tokens": query}}}
            assert_ranks(documents, query["query_tokens"], truth, row, weights)
    claim = f"{len(documents)} documents and all queries have the documented shape"
    return {"opensearch": claim, "opensearch-sparse-vector": claim}
