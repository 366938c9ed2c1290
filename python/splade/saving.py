"""Saving a model's folder: written whole inside or beside its target, then moved into place."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from typing import Any

from splade._splade import Encoder
from splade.cards import TEXT

# Files that say what a model is, or hold weights: one that another model left would change ours.
_TELLING = re.compile(
    r"(modules|router_config|config|idf|adapter_config)\.json|"
    r"query_token_weights\.txt|sparse_linear\.pt|"
    r"(pytorch_)?model[^/]*\.(safetensors|bin)(\.index\.json)?"
)

# They leave first and come last, in this order: without the last of them no library loads a
# folder.
_CONFIGURATION = ["config_sentence_transformers.json", "modules.json", "config.json"]


def save(
    native: Encoder,
    path: str,
    *,
    max_active_dims: int | None,
    config: dict[str, Any],
    readme: str | None,
) -> None:
    """Saves a model, with `config` in its config_sentence_transformers.json. In a folder that
    exists files of the same names are replaced, and all others stay; a failure leaves the folder as
    it was.

    Raises NotADirectoryError for a file, FileExistsError if a file that stays would change the
    model.
    """
    if not path:
        raise ValueError("path is empty: name a folder to save the model in")
    target = os.path.abspath(path)
    exists = os.path.isdir(target)
    if not exists and os.path.lexists(target):
        raise NotADirectoryError(f"{target} is not a folder")
    # Inside a folder that exists: its parent may be read-only, or another file system.
    parent = target if exists else os.path.dirname(target)
    os.makedirs(parent, exist_ok=True)
    scratch = tempfile.mkdtemp(prefix=".splade-", dir=parent)
    folder, aside = os.path.join(scratch, "model"), os.path.join(scratch, "before")
    try:
        native.save(folder, {}, "dot", max_active_dims)
        _change(os.path.join(folder, "config_sentence_transformers.json"), config)
        if readme is not None:
            with open(os.path.join(folder, "README.md"), "w", **TEXT) as file:
                file.write(readme)
        if exists:
            _fill(target, folder, aside)
            shutil.rmtree(aside, ignore_errors=True)
        else:
            os.replace(folder, target)
    finally:
        if not _files(aside):  # Else files could not be moved back: they stay here.
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


def _fill(target: str, folder: str, aside: str) -> None:
    """Moves the files of `folder` into `target`, and those they replace to `aside`. An error, or an
    interruption, moves all of them back."""
    found = _files(folder)
    last = [name for name in _CONFIGURATION if name in found]
    names = [name for name in sorted(found) if name not in last] + last
    _check(target, names)
    places = {os.path.dirname(os.path.join(target, name)) for name in names}
    added = [place for place in places if not os.path.isdir(place)]
    try:
        for name in reversed(names):
            if os.path.lexists(os.path.join(target, name)):
                _move(target, aside, name)
        for name in names:
            _move(folder, target, name)
    except BaseException:
        for name in names:
            if os.path.lexists(os.path.join(aside, name)):
                _move(aside, target, name)
            elif not os.path.lexists(os.path.join(folder, name)):
                os.remove(os.path.join(target, name))
        for place in filter(os.path.isdir, added):
            os.rmdir(place)
        raise


def _move(source: str, target: str, name: str) -> None:
    os.makedirs(os.path.dirname(os.path.join(target, name)), exist_ok=True)
    os.replace(os.path.join(source, name), os.path.join(target, name))


def _check(target: str, names: list[str]) -> None:
    """Refuses a target whose own files cannot be replaced, or would belong to the model then."""
    for name in names:
        if os.path.isdir(os.path.join(target, name)):
            raise FileExistsError(f"{target} has a folder {name}, where the model has a file")
    strangers = []
    for below in sorted({os.path.dirname(name) for name in names}):
        place = os.path.join(target, below)
        found = os.listdir(place) if os.path.isdir(place) else []
        telling = {os.path.join(below, name) for name in found if _TELLING.fullmatch(name)}
        strangers += sorted(telling - set(names))
    if strangers:
        raise FileExistsError(
            f"{target} has {', '.join(strangers)} of another model, which would stay: save "
            "elsewhere"
        )
