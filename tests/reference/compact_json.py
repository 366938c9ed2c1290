"""Write golden files: one row a line, and every f32 with the fewest digits that give it back."""

import json
from pathlib import Path

import numpy as np


def write(path: Path, golden: dict) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{\n" + ",\n".join(section(*item) for item in golden.items()) + "\n}\n", encoding="utf-8")


def section(name: str, value: object) -> str:
    return f"{json.dumps(name)}: {lines(value)}"


def lines(value: object) -> str:
    """A list of objects, or of lists of them, has a line for each object."""
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "[\n" + ",\n".join(map(encode, value)) + "\n]"
    if isinstance(value, list) and value and isinstance(value[0], list):
        return "[" + ",".join(map(lines, value)) + "]"
    return encode(value)


def encode(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(key)}:{encode(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(encode, value)) + "]"
    if isinstance(value, np.float32):
        digits = str(value)
        # Many JSON readers go through f64: that detour must not change the f32.
        assert np.isfinite(value) and np.float32(float(digits)) == value
        return digits
    return json.dumps(value)
