"""ModernBERT: rotary positions with a base for each kind of layer, attention in a window, gated MLP, norms in front.

answerdotai/ModernBERT-base has the keys `global_rope_theta`, `local_rope_theta` and `global_attn_every_n_layers` in its
config.json; transformers 5 writes `rope_parameters` and `layer_types`. There is a checkpoint of either kind.
"""

from pathlib import Path

from transformers import ModernBertConfig, ModernBertForMaskedLM

import architecture
import small_tokenizers
from architecture import Architecture

# Several times the window, so that most pairs of tokens lie outside of it.
MAX_LENGTH = 128
# A rotation without much effect on this length would not tell one base from another.
THETA = dict(full_attention=400.0, sliding_attention=25.0)
SIZE = dict(
    num_hidden_layers=3,
    hidden_size=32,
    num_attention_heads=4,
    intermediate_size=40,
    max_position_embeddings=MAX_LENGTH,
    local_attention=8,
)
VARIANTS = [
    dict(local_attention=6),
    dict(local_attention=10),
    dict(local_attention=14),
    dict(rope_parameters={kind: dict(rope_type="default", rope_theta=400.0) for kind in THETA}),
    dict(rope_parameters={kind: dict(rope_type="default", rope_theta=25.0) for kind in THETA}),
    dict(layer_types=["sliding_attention", "full_attention", "sliding_attention"]),
    dict(hidden_activation="gelu_new"),
    dict(classifier_activation="silu"),
]


def all_checkpoints() -> list[Architecture]:
    biased = dict(
        attention_bias=True,
        mlp_bias=True,
        norm_bias=True,
        classifier_bias=True,
        hidden_activation="silu",
        classifier_activation="relu",
        tie_word_embeddings=False,
        norm_eps=1e-2,
        hidden_size=24,
        num_attention_heads=2,
        local_attention=12,
        global_attn_every_n_layers=2,
    )
    every_second = dict(global_attn_every_n_layers=2)
    return [
        checkpoint("modernbert-local", 621, {}, bias_shift=-4.0),
        checkpoint("modernbert-old-keys", 622, every_second, bias_shift=-3.5, rewrite=with_old_keys),
        checkpoint("modernbert-biased", 623, biased, bias_shift=-3.5, variants=VARIANTS + [dict(norm_eps=1e-5)]),
    ]


def checkpoint(name: str, seed: int, changes: dict, **options) -> Architecture:
    tokenizer = small_tokenizers.modernbert(model_max_length=MAX_LENGTH)
    rope = {kind: dict(rope_type="default", rope_theta=theta) for kind, theta in THETA.items()}
    ids = dict(
        vocab_size=len(tokenizer),
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.cls_token_id,
        eos_token_id=tokenizer.sep_token_id,
        cls_token_id=tokenizer.cls_token_id,
        sep_token_id=tokenizer.sep_token_id,
    )
    config = ModernBertConfig(**SIZE | changes, **ids, rope_parameters=rope)
    options = dict(variants=VARIANTS) | options
    return Architecture(name, seed, ModernBertForMaskedLM, config, tokenizer, **options)


def with_old_keys(folder: Path) -> None:
    def old(config: dict) -> dict:
        kinds, rope = config.pop("layer_types"), config.pop("rope_parameters")
        assert kinds == ["full_attention", "sliding_attention", "full_attention"]
        return config | {
            "global_attn_every_n_layers": 2,
            "global_rope_theta": rope["full_attention"]["rope_theta"],
            "local_rope_theta": rope["sliding_attention"]["rope_theta"],
            "position_embedding_type": "absolute",
            "layer_norm_eps": config["norm_eps"],
        }

    architecture.edit_json(folder / "config.json", old)
