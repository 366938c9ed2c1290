"""Alibaba's GTE: RoPE, packed projections, gated MLP, norms behind. transformers 5 knows it as `gte`; most checkpoints
have `model_type` `new` and modelling code of their own (huggingface.co/Alibaba-NLP/new-impl), which we do not run.

The `new-*` checkpoints have names and config keys of that code. The names come from transformers 5.24,
conversion_mapping.py, entry `gte`, read backwards:

    new.* = gte.*, encoder.layer = layers, attention.o_proj = self_attn.o_proj, attn_ln = post_attention_layernorm,
    mlp_ln = post_mlp_layernorm, lm_head.norm = lm_head.layer_norm,
    attention.qkv_proj = q_proj, k_proj and v_proj on top of each other, mlp.up_gate_proj = up_proj on top of gate_proj

save_pretrained writes the names of this code too, all but the prefix, `gte.`: so does `gte-plain`. `gte-ntk` has the
names of the modules in transformers. In `new-*` the tied decoder is written out.

For golden values of `new-*` config.json becomes that of `gte`, and transformers applies this mapping to the file as it
is. `ntk` is not among its kinds of RoPE. NTKScalingRotaryEmbedding of new-impl (the same in vLLM, ntk_scaling_rope.py),
without `mixed_b`, has for texts of every length

    inv_freq = (rope_theta * factor) ** (-2 i / head_dim) / factor ** (2 / head_dim)

which is `linear` scaling by factor ** (2 / head_dim) with the base rope_theta * factor.
"""

import re
import shutil
from pathlib import Path

import torch
from transformers import GteConfig, GteForMaskedLM

import architecture
import small_tokenizers
from architecture import Architecture

MAX_LENGTH = 96
# With a usual base most angles are near 0 on so few positions, and a wrong one would not show.
THETA = 50.0
FACTOR = 8.0
SIZE = dict(
    num_hidden_layers=2,
    hidden_size=32,
    num_attention_heads=4,
    intermediate_size=48,
    max_position_embeddings=MAX_LENGTH,
)
HEAD_DIM = SIZE["hidden_size"] // SIZE["num_attention_heads"]
DEFAULT_ROPE = dict(rope_type="default", rope_theta=THETA)
NTK_ROPE = dict(rope_type="linear", factor=FACTOR ** (2 / HEAD_DIM), rope_theta=THETA * FACTOR)
# Without either half of the scaling, or with the base of dynamic NTK.
VARIANTS = dict(
    default=[dict(rope_parameters=DEFAULT_ROPE | dict(rope_theta=2 * THETA)), dict(hidden_act="relu")],
    linear=[
        dict(rope_parameters=DEFAULT_ROPE),
        dict(rope_parameters=DEFAULT_ROPE | dict(rope_theta=THETA * FACTOR)),
        dict(rope_parameters=NTK_ROPE | dict(rope_theta=THETA)),
        dict(rope_parameters=DEFAULT_ROPE | dict(rope_theta=THETA * FACTOR ** (HEAD_DIM / (HEAD_DIM - 2)))),
    ],
)


def all_checkpoints() -> list[Architecture]:
    silu = dict(
        hidden_act="silu",
        type_vocab_size=2,
        tie_word_embeddings=False,
        layer_norm_eps=1e-2,
        num_hidden_layers=3,
        hidden_size=24,
        num_attention_heads=3,
        intermediate_size=40,
    )
    epsilon = [dict(layer_norm_eps=1e-12)]
    plain = dict(seed=651, rope=DEFAULT_ROPE, changes={}, tokenizer=small_tokenizers.xlm_roberta())
    ntk = dict(seed=652, rope=NTK_ROPE, changes=dict(type_vocab_size=0), tokenizer=small_tokenizers.bert())
    return [
        checkpoint("gte-plain", **plain),
        checkpoint("gte-ntk", **ntk, save_options=dict(save_original_format=False)),
        checkpoint("gte-silu-untied", 653, DEFAULT_ROPE, silu, small_tokenizers.bert(), variants=epsilon),
        checkpoint("new-plain", **plain, rewrite=as_new, reference=as_gte, same_rows_as="gte-plain"),
        checkpoint("new-ntk", **ntk, rewrite=as_new, reference=as_gte, same_rows_as="gte-ntk"),
    ]


def checkpoint(name: str, seed: int, rope: dict, changes: dict, tokenizer, **options) -> Architecture:
    ids = dict(vocab_size=len(tokenizer), pad_token_id=tokenizer.pad_token_id)
    config = GteConfig(**SIZE | changes, **ids, rope_parameters=dict(rope))
    options = dict(variants=VARIANTS[rope["rope_type"]]) | options
    return Architecture(name, seed, GteForMaskedLM, config, tokenizer, **options)


def as_new(folder: Path) -> None:
    """The config keys of opensearch-project/opensearch-neural-sparse-encoding-doc-v3-gte."""
    architecture.edit_tensors(folder, new_tensors)
    architecture.edit_json(folder / "config.json", new_config)


def new_config(config: dict) -> dict:
    scaled = config.pop("rope_parameters")["rope_type"] == "linear"
    code = "configuration.NewConfig modeling.NewModel modeling.NewForMaskedLM".split()
    return config | {
        "architectures": ["NewForMaskedLM"],
        "auto_map": dict(zip(["AutoConfig", "AutoModel", "AutoModelForMaskedLM"], code)),
        "layer_norm_type": "layer_norm",
        "logn_attention_clip1": False,
        "logn_attention_scale": False,
        "model_type": "new",
        "pack_qkv": True,
        "position_embedding_type": "rope",
        "rope_scaling": {"factor": FACTOR, "type": "ntk"} if scaled else None,
        "rope_theta": THETA,
        "unpad_inputs": False,
        "use_memory_efficient_attention": False,
    }


def as_gte(folder: Path, target: Path) -> None:
    shutil.copytree(folder, target, dirs_exist_ok=True)

    def native(config: dict) -> dict:
        rope = NTK_ROPE if config.pop("rope_scaling") else DEFAULT_ROPE
        del config["auto_map"], config["rope_theta"]
        return config | {"architectures": ["GteForMaskedLM"], "model_type": "gte", "rope_parameters": rope}

    architecture.edit_json(target / "config.json", native)


def new_tensors(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    new = {re.sub(r"^gte\.", "new.", name): tensor for name, tensor in tensors.items()}
    return new | {"lm_head.decoder.weight": new["new.embeddings.word_embeddings.weight"].clone()}
