"""What answers must be: the golden values of tests/reference, which sentence-transformers made."""

import json
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
MODEL = TESTS / "fixtures" / "splade-tiny"
GOLDEN = json.loads((TESTS / "reference" / "golden" / "splade-tiny.json").read_text())

# Texts that are written out: recipes for long ones are left to the server's own tests.
TEXTS = {
    entry["name"]: entry["text"]
    for entry in json.loads((TESTS / "reference" / "texts.json").read_text())
    if isinstance(entry["text"], str)
}
ROWS = {row["name"]: row for row in GOLDEN["rows"] if row["name"] in TEXTS}
DIMENSION = GOLDEN["vocab_size"]
WEATHER, SUNNY, STADIUM = "weather", "sunny", "stadium"


def vector(name):
    """A text's weights by their ids."""
    return dict(zip(ROWS[name]["indices"], ROWS[name]["values"], strict=True))


def similarity(function, a, b):
    """A score of the golden values."""
    names = GOLDEN["similarity"]["names"]
    return GOLDEN["similarity"]["matrix"][function][names.index(a)][names.index(b)]


def words(name):
    """The ten heaviest tokens of a text with their weights."""
    [entry] = [entry for entry in GOLDEN["decode"] if entry["name"] == name]
    return dict(entry["tokens"])


def is_close(found, expected):
    return abs(found - expected) <= 5e-5 + 5e-5 * abs(expected)


def assert_vector(found, name):
    """Checks weights by their ids. Weights near 0 may be missing on either side: the activation cuts there."""
    expected = vector(name)
    for index in found.keys() | expected.keys():
        pair = found.get(index, 0.0), expected.get(index, 0.0)
        assert is_close(*pair), f"text {name}, entry {index}: {pair[0]}, expected {pair[1]}"


def assert_dense(found, name, *, normalized=False):
    """Checks a vector with all its entries."""
    assert len(found) == DIMENSION, f"{len(found)} entries, expected {DIMENSION}"
    expected = vector(name)
    length = sum(value * value for value in expected.values()) ** 0.5 if normalized else 1.0
    for index, value in enumerate(found):
        wanted = expected.get(index, 0.0) / length
        assert is_close(float(value), wanted), f"text {name}, entry {index}: {value}, expected {wanted}"
