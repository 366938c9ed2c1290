#!/usr/bin/env python3
"""Writes fixture.json: texts, tokens with their byte ranges, and vectors of the splade-tiny checkpoint.

With the packages of tests/reference/requirements.txt, after tests/fixtures/fetch_splade_tiny.py:
    python crates/export/tests/page/fixture.py
"""

import json
from pathlib import Path

from sentence_transformers import SparseEncoder

HERE = Path(__file__).resolve().parent
MODEL = HERE.parents[3] / "tests/fixtures/splade-tiny"
QUERIES = ["how do vaccines protect against measles", "Bandgap of silicon?"]
DOCUMENTS = {
    "measles": "Measles vaccination prevents an infection that is among the most contagious known. The "
    "vaccine trains the immune system with a weakened virus, so that antibodies are ready when the real "
    "one arrives.",
    "herd-immunity": "When most people in a town are immunised, an outbreak finds nobody to spread to. "
    "Babies, who are too young for the shot, are protected by everyone around them.",
    "silicon": "Silicon is a semiconductor with an indirect band gap of 1.12 eV at 300 K.",
    "bread": "Knead the dough for ten minutes, let it rise overnight, and bake it hot.",
    "markup": "</script><script>alert(1)</script> <b onclick='x()'>\"quoted\" & 'so on'</b> <!-- note -->",
    "scripts": "مرحبا بالعالم — naïve cafe\u0301 日本の天気 \U0001f468\u200d\U0001f469\u200d\U0001f467 😀 "
    "\u202eoverride\u202c a\u0000b\u001b[31m\tend",
}


def main() -> None:
    model = SparseEncoder(str(MODEL))
    fixture = {
        "model": "splade-tiny",
        "dimension": model.encode("", convert_to_sparse_tensor=False).shape[-1],
        "queries": [describe(model, f"query-{i}", text) for i, text in enumerate(QUERIES, 1)],
        "documents": [describe(model, label, text) for label, text in DOCUMENTS.items()],
    }
    fixture["similarity"] = model.similarity(
        model.encode_query(QUERIES), model.encode_document(list(DOCUMENTS.values()))
    ).tolist()
    used = {index for text in fixture["queries"] + fixture["documents"] for index in text["indices"]}
    used |= {index for text in fixture["queries"] + fixture["documents"] for *_, index in text["tokens"]}
    spellings = model.tokenizer.convert_ids_to_tokens(sorted(used))
    fixture["spellings"] = dict(zip(map(str, sorted(used)), spellings))
    lines = json.dumps(fixture, ensure_ascii=True, separators=(",", ":")).replace('{"label"', '\n{"label"')
    (HERE / "fixture.json").write_text(lines + "\n", encoding="utf-8")


def describe(model: SparseEncoder, label: str, text: str) -> dict:
    # 512 is what the checkpoint reads; none of these texts is as long.
    encoding = model.tokenizer.backend_tokenizer.encode(text)
    starts = [0]  # Python counts offsets in characters, Rust in bytes.
    for character in text:
        starts.append(starts[-1] + len(character.encode()))
    tokens = [
        [starts[start], starts[end], index] for (start, end), index in zip(encoding.offsets, encoding.ids)
    ]
    row = model.encode([text], convert_to_sparse_tensor=False)[0]
    indices = row.nonzero().flatten()
    return {
        "label": label,
        "text": text,
        "tokens": tokens,
        "indices": indices.tolist(),
        "values": [float(f"{value:.9g}") for value in row[indices].tolist()],
    }


if __name__ == "__main__":
    main()
