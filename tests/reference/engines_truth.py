"""The rows as they are, and the best documents by brute force in f64."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass
class Truth:
    k: int
    vocab: list[str]
    documents: list[dict]
    queries: list[dict]

    @classmethod
    def read(cls, path: Path) -> "Truth":
        read = json.loads(path.read_text(encoding="utf-8"))
        for row in read["documents"] + read["queries"]:
            row["weights"] = dict(zip(row["indices"], map(f32, row["values"])))
            assert len(row["weights"]) == len(row["indices"])
        return cls(**read)

    def tokens(self, row: dict, key=lambda token: token) -> dict[str, float]:
        """By token, as `key` writes it: no two become one."""
        weights = {key(self.vocab[index]): weight for index, weight in row["weights"].items()}
        assert len(weights) == len(row["weights"])
        return weights

    def best(self, query: dict, weights=lambda row: row["weights"]) -> list[tuple[str, float]]:
        scores = [(row["id"], dot(weights(query), weights(row))) for row in self.documents]
        return sorted(scores, key=lambda hit: -hit[1])[: self.k]


def dot(a: dict, b: dict) -> float:
    return sum(weight * b[key] for key, weight in a.items() if key in b)


def assert_same_hits(found: list[tuple[str, float]], expected: list[tuple[str, float]]) -> None:
    assert [hit[0] for hit in found] == [hit[0] for hit in expected], (found, expected)
    for (_, score), (_, wanted) in zip(found, expected, strict=True):
        assert abs(score - wanted) <= 2e-6 * max(1.0, abs(wanted)), (found, expected)


def unique(pairs: list[tuple[str, object]]) -> dict:
    """For json.loads: a key that comes twice is an error, not the last one."""
    assert len({key for key, _ in pairs}) == len(pairs), pairs
    return dict(pairs)


def f32(text: str | float) -> float:
    """What an engine that stores f32 makes of a number."""
    return float(np.float32(float(text)))


def loads(text: str | bytes) -> object:
    return json.loads(text, object_pairs_hook=unique, parse_float=f32)


def json_lines(path: Path) -> list[dict]:
    text = path.read_text(encoding="utf-8")
    assert text.endswith("\n")
    return [loads(line) for line in text.removesuffix("\n").split("\n")]
