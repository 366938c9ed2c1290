"""Read texts.json and expand its recipes. README.md describes the format."""

import json
from pathlib import Path

PATH = Path(__file__).resolve().parent / "texts.json"


def load() -> dict[str, str]:
    """Text by name, in the order of the file."""
    entries = json.loads(PATH.read_text(encoding="utf-8"))
    texts = {entry["name"]: expand(entry["text"]) for entry in entries}
    assert len(texts) == len(entries), "two texts have the same name"
    return texts


def expand(text: str | dict) -> str:
    if isinstance(text, str):
        return text
    return text.get("join", " ").join([text["repeat"]] * text["times"])
