"""Write tests/fixtures/architectures, small random checkpoints of every architecture besides BERT, and their golden."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import torch
from sentence_transformers import SparseEncoder

import albert
import architecture
import bge_m3
import deberta
import distilbert
import electra
import golden as plain_golden
import gte
import headless
import layout_golden
import modernbert
import mpnet
import roberta
import vocabulary_files
from architecture import Architecture

PARTS = [distilbert, roberta, modernbert, electra, mpnet, gte, albert, deberta, vocabulary_files]
LONG_TEXT = "passage_history"


def write_all(folder: Path, texts: dict[str, str], names: list[str]) -> Iterator[tuple[str, dict]]:
    """Name and golden values of each checkpoint; of those in `names`, if there are any."""
    rows = {}
    for checkpoint in chosen(all_checkpoints(), names):
        path = folder / checkpoint.name
        architecture.write(checkpoint, path, texts[LONG_TEXT])
        values = golden(checkpoint, path, texts)
        rows[checkpoint.name] = values["rows"]
        twin = checkpoint.same_rows_as
        assert twin not in rows or rows[twin] == values["rows"], checkpoint.name
        yield checkpoint.name, values

    for layout in chosen(headless.all_layouts(), names):
        path = folder / layout.name
        shutil.rmtree(path, ignore_errors=True)
        layout.write(path)
        architecture.check_size(path)
        yield layout.name, layout_golden.golden(layout, path, f"architectures/{layout.name}", texts)

    for checkpoint in chosen([bge_m3.checkpoint()], names):
        path = folder / checkpoint.name
        architecture.write(checkpoint, path, texts[LONG_TEXT])
        yield checkpoint.name, bge_m3.golden(path, texts)


def chosen(things: list, names: list[str]) -> list:
    return [thing for thing in things if not names or thing.name in names]


def all_checkpoints() -> list[Architecture]:
    checkpoints = [checkpoint for part in PARTS for checkpoint in part.all_checkpoints()]
    assert len({checkpoint.name for checkpoint in checkpoints}) == len(checkpoints), "two have the same name"
    return checkpoints


def golden(checkpoint: Architecture, folder: Path, texts: dict[str, str]) -> dict:
    label = f"architectures/{checkpoint.name}"
    if checkpoint.reference is None:
        return plain_golden.golden(str(folder), label, texts) | special_text(str(folder))
    with tempfile.TemporaryDirectory() as scratch:
        checkpoint.reference(folder, Path(scratch))
        return plain_golden.golden(scratch, label, texts) | special_text(scratch)


def special_text(folder: str) -> dict:
    """A text that names the special tokens of its own tokenizer. <pad> has no position of its own in some models."""
    encoder = SparseEncoder(folder, device="cpu", model_kwargs={"dtype": torch.float32})
    text = bge_m3.special_text(encoder.tokenizer)
    row = plain_golden.sparse(plain_golden.encode_one(encoder, text))
    return {"rows_special_text": [{"name": "special_text", "text": text} | plain_golden.tokens(encoder, text) | row]}
