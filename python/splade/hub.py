"""From a model's name to its folder: a local one, or one that huggingface_hub downloads."""

from __future__ import annotations

import glob
import os
import re
from typing import Any

from splade.optional import require

# Names without an organisation that are models of their own; all others are below
# `sparse-encoder/`.
_BARE_NAMES = re.compile(
    r"(albert|bert|camembert|ctrl|distilbert|distilgpt2|distilroberta|gpt2|openai-gpt|roberta|t5|"
    r"transfo-xl|xlm|xlnet)(-|$)"
)

# Weights in forms that are never read.
_UNREAD = ["*.h5", "*.msgpack", "*.onnx", "*.ot", "*.gguf", "onnx/*", "openvino/*", "*.mlmodel"]


def locate(
    name: str,
    *,
    organisation: str | None,
    cache_folder: str | None,
    revision: str | None,
    local_files_only: bool,
    token: bool | str | None,
) -> str:
    """The folder of a model, an absolute path, after downloading it if it has to be.

    Raises NotADirectoryError for a file, FileNotFoundError for a path that does not exist.
    """
    if os.path.isdir(name):
        return os.path.abspath(name)
    if os.path.isfile(name):
        raise NotADirectoryError(
            f"Path {name} is a file, not a directory. `model_name_or_path` must be a local "
            "directory containing a model, or a Hugging Face Hub model ID."
        )
    if (os.sep == "\\" and "\\" in name) or name.count("/") > 1 or os.path.isabs(name):
        raise FileNotFoundError(f"Path {name} not found")
    if organisation is not None and "/" not in name and not _BARE_NAMES.match(name.lower()):
        name = f"{organisation}/{name}"
    hub = require("huggingface_hub", f"there is no folder {name}: to load it from the hub splade")
    folder: str = hub.snapshot_download(
        name,
        revision=revision,
        cache_dir=cache_folder or os.environ.get("SENTENCE_TRANSFORMERS_HOME"),
        local_files_only=local_files_only,
        token=token,
        ignore_patterns=_ignored(hub, name, revision, local_files_only, token),
    )
    return os.path.abspath(folder)


def _ignored(
    hub: Any, name: str, revision: str | None, local_files_only: bool, token: bool | str | None
) -> list[str]:
    """Patterns of files that are not downloaded: a pickle is only for lack of the same weights in
    safetensors, in the same folder."""
    if local_files_only:
        return _UNREAD
    try:
        files = hub.HfApi(token=token).list_repo_files(name, revision=revision)
    except Exception:
        # The download reports what is wrong, or finds the model in the cache without the network.
        return _UNREAD
    safe = {_weights(file) for file in files if file.endswith(".safetensors")}
    pickles = [file for file in files if file.endswith(".bin") and _weights(file) in safe]
    return [*_UNREAD, *map(glob.escape, pickles)]


def _weights(file: str) -> tuple[str, str]:
    """A file's folder, and what weights it has: those of `model`, `pytorch_model-00001-of-00002`,
    and so on are the same."""
    folder, _, name = file.rpartition("/")
    return folder, re.split(r"[-.]", name.removeprefix("pytorch_"))[0]
