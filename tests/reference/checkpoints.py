"""Make the small random checkpoints under tests/fixtures/random."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from sentence_transformers import SparseEncoder
from sentence_transformers.base.modules import Transformer
from sentence_transformers.sparse_encoder.modules import SpladePooling
from transformers import BertConfig, BertForMaskedLM, BertTokenizer

import vocabulary

Tensors = dict[str, torch.Tensor]


@dataclass
class Checkpoint:
    name: str
    seed: int
    config: dict
    """What differs from BASE_CONFIG."""
    bias_shift: float
    """Added to the bias of the decoder; chosen so that 10 to 40% of the vocabulary is active in a usual row."""
    cased: bool = False
    tokenizer: dict = field(default_factory=dict)
    rewrite: Callable[[Tensors], Tensors] | None = None
    """Changes the saved tensors: names, types, superfluous entries."""
    stored_dtype: str | None = None
    pooling: dict | None = None
    """Arguments of SpladePooling: save in the layout of sentence-transformers."""


BASE_CONFIG = dict(
    num_hidden_layers=2,
    hidden_size=32,
    num_attention_heads=4,
    intermediate_size=64,
    hidden_act="gelu",
    max_position_embeddings=128,
    initializer_range=0.3,
)


def all_checkpoints() -> list[Checkpoint]:
    relu = dict(hidden_act="relu", layer_norm_eps=1e-5, tie_word_embeddings=False, max_position_embeddings=64)
    gelu_new = dict(
        hidden_act="gelu_new",
        num_hidden_layers=1,
        hidden_size=24,
        num_attention_heads=3,
        intermediate_size=40,
        type_vocab_size=1,
    )
    silu = dict(hidden_act="silu", hidden_size=48, num_attention_heads=2, intermediate_size=80)
    return [
        Checkpoint("bert-gelu", 1, {}, bias_shift=-2.0),
        # The tokenizer's limit, 48, is below the model's, 64.
        Checkpoint("bert-relu-untied", 2, relu, bias_shift=-2.0, tokenizer=dict(model_max_length=48)),
        Checkpoint("bert-gelu-new-cased", 3, gelu_new, bias_shift=-3.0, cased=True),
        Checkpoint("bert-silu-unprefixed", 4, silu, bias_shift=-3.0, rewrite=without_prefix),
        Checkpoint("bert-f16", 5, {}, bias_shift=-3.0, rewrite=as_old_f16, stored_dtype="float16"),
        Checkpoint("bert-bf16", 6, {}, bias_shift=-2.5, rewrite=as_old_bf16, stored_dtype="bfloat16"),
        Checkpoint(
            "st-max-log1p", 7, {}, bias_shift=-2.5, pooling=dict(pooling_strategy="max", activation_function="log1p_relu")
        ),
        Checkpoint("st-sum", 8, {}, bias_shift=-2.0, pooling=dict(pooling_strategy="sum", activation_function="relu")),
    ]


def write(checkpoint: Checkpoint, folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    vocab = vocabulary.cased() if checkpoint.cased else vocabulary.uncased()
    tokenizer = BertTokenizer(vocab=vocab, do_lower_case=not checkpoint.cased, **checkpoint.tokenizer)
    config = BertConfig(**BASE_CONFIG | checkpoint.config, vocab_size=len(vocab), pad_token_id=vocab["[PAD]"])
    model = BertForMaskedLM(config).eval()
    fill(model, np.random.default_rng(checkpoint.seed), config.initializer_range, checkpoint.bias_shift)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    if checkpoint.rewrite:
        rewrite(folder, checkpoint)
    if checkpoint.pooling:
        save_as_sentence_transformers(folder, checkpoint.pooling)
    check(checkpoint, folder)


def fill(model: BertForMaskedLM, rng: np.random.Generator, spread: float, bias_shift: float) -> None:
    """Draw every parameter, biases and layer norms too, so that none can be left out unnoticed.

    numpy's generator draws the same numbers on every CPU; torch's does not promise to.
    """
    # transformers ties this bias together with the weight: an untied decoder has its own, and then
    # `cls.predictions.bias` is in the file but takes no part.
    tied = model.config.tie_word_embeddings
    decoder_bias = "cls.predictions.bias" if tied else "cls.predictions.decoder.bias"
    for name, parameter in model.named_parameters():
        noise = rng.standard_normal(tuple(parameter.shape))
        if name == decoder_bias:
            values = bias_shift + 0.5 * noise
        elif name.endswith("LayerNorm.weight"):
            values = 1.0 + 0.2 * noise
        elif name.endswith("bias"):
            values = 0.2 * noise
        else:
            values = spread * noise
        parameter.data.copy_(torch.from_numpy(values.astype(np.float32)))


def rewrite(folder: Path, checkpoint: Checkpoint) -> None:
    path = folder / "model.safetensors"
    tensors = checkpoint.rewrite(load_file(path))
    save_file(tensors, path, metadata={"format": "pt"})
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config["dtype"] = checkpoint.stored_dtype
    (folder / "config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def without_prefix(tensors: Tensors) -> Tensors:
    """`encoder.layer.0…` for `bert.encoder.layer.0…`, as a bare BertModel is saved; the head keeps its names."""
    return {name.removeprefix("bert."): tensor for name, tensor in tensors.items()}


def as_old_f16(tensors: Tensors) -> Tensors:
    """f16 with the layer norm names of 2019, and the entries of pre-training that a loader may ignore."""
    old = {legacy_name(name): tensor.to(torch.float16) for name, tensor in tensors.items()}
    hidden = BASE_CONFIG["hidden_size"]
    old["bert.embeddings.position_ids"] = torch.arange(BASE_CONFIG["max_position_embeddings"]).unsqueeze(0)
    old["bert.pooler.dense.weight"] = torch.full((hidden, hidden), 7.0, dtype=torch.float16)
    old["bert.pooler.dense.bias"] = torch.full((hidden,), 7.0, dtype=torch.float16)
    old["cls.seq_relationship.weight"] = torch.full((2, hidden), 7.0, dtype=torch.float16)
    old["cls.seq_relationship.bias"] = torch.full((2,), 7.0, dtype=torch.float16)
    return old


def as_old_bf16(tensors: Tensors) -> Tensors:
    """bf16 with the layer norm names of 2019, and the tied decoder written out a second time."""
    old = {legacy_name(name): tensor.to(torch.bfloat16) for name, tensor in tensors.items()}
    old["cls.predictions.decoder.weight"] = old["bert.embeddings.word_embeddings.weight"].clone()
    old["cls.predictions.decoder.bias"] = old["cls.predictions.bias"].clone()
    return old


def legacy_name(name: str) -> str:
    return name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")


def save_as_sentence_transformers(folder: Path, pooling: dict) -> None:
    transformer = Transformer(str(folder), transformer_task="fill-mask")
    encoder = SparseEncoder(modules=[transformer, SpladePooling(**pooling)], device="cpu")
    encoder.save_pretrained(str(folder), create_model_card=False)


def check(checkpoint: Checkpoint, folder: Path) -> None:
    """The file is what its name says."""
    tensors = load_file(folder / "model.safetensors")
    words = next(tensor for name, tensor in tensors.items() if name.endswith("word_embeddings.weight"))
    decoder = tensors.get("cls.predictions.decoder.weight")
    if checkpoint.config.get("tie_word_embeddings", True):
        assert decoder is None or torch.equal(decoder, words), f"{checkpoint.name}: the decoder is not tied"
    else:
        assert decoder is not None and not torch.equal(decoder, words), f"{checkpoint.name}: the decoder is tied"
        assert not torch.equal(tensors["cls.predictions.decoder.bias"], tensors["cls.predictions.bias"])
    if checkpoint.stored_dtype:
        assert words.dtype == getattr(torch, checkpoint.stored_dtype)
        assert not any("LayerNorm.weight" in name for name in tensors)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    assert size < 300_000, f"{checkpoint.name}: {size} bytes"
