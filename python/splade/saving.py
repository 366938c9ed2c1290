"""Saving a model's folder: written beside its target, then moved into place."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from typing import Any

from splade._splade import Encoder

# Files that say what a model is, or hold weights: one that another model left would change ours.
_TELLING = re.compile(
    r"(modules|router_config|config|idf|adapter_config)\.json|query_token_weights\.txt|sparse_linear\.pt|"
    r"(pytorch_)?model[^/]*\.(safetensors|bin)(\.index\.json)?"
)


def save(
    native: Encoder,
    path: str,
    *,
    prompts: dict[str, str],
    similarity: str | None,
    max_active_dims: int | None,
    changes: dict[str, Any],
) -> None:
    """Saves a model. A folder that holds one already is updated, and its other files stay.

    Raises FileExistsError for a folder that holds something else, or weights that would stay.
    """
    target = os.path.abspath(path)
    parent = os.path.dirname(target)
    os.makedirs(parent, exist_ok=True)
    scratch = tempfile.mkdtemp(prefix=f".{os.path.basename(target)}-", dir=parent)
    try:
        folder = os.path.join(scratch, "model")
        native.save(folder, prompts, similarity or "dot", max_active_dims)
        _change(os.path.join(folder, "config_sentence_transformers.json"), changes)
        if os.path.isdir(target) and os.listdir(target):
            _update(folder, target)
        else:
            if os.path.isdir(target):
                os.rmdir(target)
            os.replace(folder, target)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _change(path: str, changes: dict[str, Any]) -> None:
    with open(path, encoding="utf-8") as file:
        config = json.load(file)
    config.update(changes)
    config = {name: value for name, value in config.items() if value is not None or name in changes}
    with open(path, "w", encoding="utf-8") as file:
        json.dump(config, file, indent=2, sort_keys=True)


def _files(folder: str) -> list[str]:
    found = []
    for below, _, names in os.walk(folder):
        found += [os.path.relpath(os.path.join(below, name), folder) for name in names]
    return found


def _update(folder: str, target: str) -> None:
    """Moves the files of `folder` over those of `target`."""
    new, old = set(_files(folder)), set(_files(target))
    if not old & {"modules.json", "config.json"}:
        raise FileExistsError(f"{target} holds something other than a model: it stays as it is")
    left = sorted(name for name in old - new if _TELLING.fullmatch(os.path.basename(name)))
    if left:
        raise FileExistsError(
            f"{target} has {', '.join(left)} of another model, which would stay: save elsewhere"
        )
    for name in sorted(new):
        os.makedirs(os.path.dirname(os.path.join(target, name)), exist_ok=True)
        os.replace(os.path.join(folder, name), os.path.join(target, name))
