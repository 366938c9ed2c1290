"""Write tests/fixtures/architectures, small random checkpoints of every architecture besides BERT."""

import tempfile
from pathlib import Path

import architecture
import distilbert
import electra
import golden as plain_golden
import modernbert
import mpnet
import roberta
from architecture import Architecture

PARTS = [distilbert, roberta, modernbert, electra, mpnet]
LONG_TEXT = "passage_history"


def all_checkpoints() -> list[Architecture]:
    checkpoints = [checkpoint for part in PARTS for checkpoint in part.all_checkpoints()]
    assert len({checkpoint.name for checkpoint in checkpoints}) == len(checkpoints), "two have the same name"
    return checkpoints


def write(checkpoint: Architecture, folder: Path, texts: dict[str, str]) -> None:
    architecture.write(checkpoint, folder, texts[LONG_TEXT])


def golden(checkpoint: Architecture, folder: Path, texts: dict[str, str]) -> dict:
    label = f"architectures/{checkpoint.name}"
    if checkpoint.reference is None:
        return plain_golden.golden(str(folder), label, texts)
    with tempfile.TemporaryDirectory() as scratch:
        checkpoint.reference(folder, Path(scratch))
        return plain_golden.golden(scratch, label, texts)
