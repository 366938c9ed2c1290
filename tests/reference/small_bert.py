"""The smallest BERT that still has every part: layouts differ in their files, so one size does for all of them."""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from sentence_transformers import SparseEncoder
from sentence_transformers.base.modules import Module, Transformer
from sentence_transformers.sparse_encoder.modules import SpladePooling
from transformers import BertConfig, BertForMaskedLM, BertModel, BertTokenizer

import checkpoints
import vocabulary

HIDDEN_SIZE = 16
MAX_LENGTH = 32
CONFIG = dict(
    num_hidden_layers=1,
    hidden_size=HIDDEN_SIZE,
    num_attention_heads=2,
    intermediate_size=24,
    hidden_act="gelu",
    max_position_embeddings=MAX_LENGTH,
    initializer_range=0.35,
)


def tokenizer(cased: bool = False, **options) -> BertTokenizer:
    vocab = vocabulary.cased() if cased else vocabulary.uncased()
    return BertTokenizer(vocab=vocab, do_lower_case=not cased, **options)


def masked_lm(seed: int, cased: bool = False, bias_shift: float = -2.6, **config) -> BertForMaskedLM:
    return filled(BertForMaskedLM, seed, cased, bias_shift, config)


def encoder_only(seed: int, cased: bool = False) -> BertModel:
    return filled(BertModel, seed, cased, 0.0, {})


def filled(architecture: type, seed: int, cased: bool, bias_shift: float, config: dict):
    vocab = tokenizer(cased).get_vocab()
    config = BertConfig(**CONFIG | config, vocab_size=len(vocab), pad_token_id=vocab["[PAD]"])
    model = architecture(config).eval()
    checkpoints.fill(model, np.random.default_rng(seed), config.initializer_range, bias_shift)
    return model


def transformer(model, task: str, cased: bool = False, **tokenizer_options) -> Transformer:
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        tokenizer(cased, **tokenizer_options).save_pretrained(folder)
        return Transformer(folder, transformer_task=task)


def splade(seed: int, pooling: dict | None = None, cased: bool = False, **config) -> list[Module]:
    """A fill-mask Transformer and its SpladePooling."""
    model = masked_lm(seed, cased, **config)
    return [transformer(model, "fill-mask", cased), SpladePooling(**pooling or {})]


def save(modules: list[Module], folder: Path, **options) -> None:
    SparseEncoder(modules=modules, device="cpu", **options).save_pretrained(str(folder), create_model_card=False)


def edit_json(path: Path, change: Callable[[dict], dict]) -> None:
    write_json(path, change(json.loads(path.read_text(encoding="utf-8"))))


def write_json(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def random_tensor(rng: np.random.Generator, *shape: int, spread: float = 1.0) -> torch.Tensor:
    return torch.from_numpy((spread * rng.standard_normal(shape)).astype(np.float32))
