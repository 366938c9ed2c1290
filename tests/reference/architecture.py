"""What a checkpoint of another architecture is, and how it is written."""

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

import parameters

KEY_BIAS = "adds the same to every score of a query, and softmax takes that away"


@dataclass
class Architecture:
    name: str
    seed: int
    model_class: type[PreTrainedModel]
    config: PreTrainedConfig
    tokenizer: PreTrainedTokenizerBase
    bias_shift: float = -2.5
    """Added to the bias of the decoder; chosen so that 10 to 40% of the vocabulary is active in a usual row."""
    layer_gain: float = parameters.GAIN
    """Less for many layers: they would blur all tokens into one vector before the last."""
    idle: dict[str, str] = field(default_factory=dict)
    """Pattern of the names of parameters that change no row, with the reason."""
    variants: list[dict] = field(default_factory=list)
    """Changes of the config with which the same weights must give other rows: that key can't be overlooked."""
    stored_dtype: torch.dtype = torch.float32
    save_options: dict = field(default_factory=dict)
    """Of save_pretrained."""
    rewrite: Callable[[Path], None] | None = None
    """Changes the saved files to those that are on the hub."""
    reference: Callable[[Path, Path], None] | None = None
    """Writes to the second folder what the reference must load instead of the first."""
    same_rows_as: str | None = None


def write(architecture: Architecture, folder: Path, long_text: str) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    model = architecture.model_class(architecture.config).eval()
    parameters.fill(model, architecture.seed, architecture.bias_shift, architecture.layer_gain)
    max_length = min(architecture.tokenizer.model_max_length, architecture.config.max_position_embeddings)
    input_ids = architecture.tokenizer(long_text, truncation=True, max_length=max_length)["input_ids"]
    check_idle(architecture, parameters.idle(model, input_ids))
    parameters.check_order_matters(model, input_ids)
    parameters.check_attention(model, input_ids)
    for changes in architecture.variants:
        parameters.check_config_matters(model, changes, input_ids)
    model.to(architecture.stored_dtype).save_pretrained(folder, **architecture.save_options)
    architecture.tokenizer.save_pretrained(folder)
    if architecture.rewrite:
        architecture.rewrite(folder)
    check_size(folder)


def check_size(folder: Path) -> None:
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    assert size < 200_000, f"{folder.name}: {size} bytes"


def check_idle(architecture: Architecture, found: list[str]) -> None:
    """Exactly the parameters that are named take no part."""
    unknown = [name for name in found if not any(re.search(pattern, name) for pattern in architecture.idle)]
    unneeded = [pattern for pattern in architecture.idle if not any(re.search(pattern, name) for name in found)]
    assert not unknown and not unneeded, (architecture.name, unknown, unneeded)


def edit_json(path: Path, change: Callable[[dict], dict]) -> None:
    write_json(path, change(json.loads(path.read_text(encoding="utf-8"))))


def write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def edit_tensors(folder: Path, change: Callable[[dict], dict]) -> None:
    path = folder / "model.safetensors"
    save_file(change(load_file(path)), path, metadata={"format": "pt"})
