"""ALBERT: layers share their weights. `num_hidden_layers` counts applications of a group, a group is `inner_group_num`
layers, and application i uses group floor(i / (num_hidden_layers / num_hidden_groups)).
"""

from transformers import AlbertConfig, AlbertForMaskedLM

import small_tokenizers
from architecture import KEY_BIAS, Architecture

UNTIED = {r"predictions\.bias": "an untied decoder has its own bias"}


def all_checkpoints() -> list[Architecture]:
    groups = dict(
        num_hidden_groups=2,
        inner_group_num=2,
        num_hidden_layers=4,
        hidden_act="gelu",
        layer_norm_eps=1e-2,
        hidden_size=24,
        num_attention_heads=3,
        intermediate_size=40,
        embedding_size=24,
        type_vocab_size=1,
        tie_word_embeddings=False,
    )
    return [
        checkpoint("albert-shared", 661, {}, bias_shift=-2.0),
        checkpoint("albert-groups", 662, groups, UNTIED, [dict(layer_norm_eps=1e-12)]),
    ]


def checkpoint(
    name: str, seed: int, changes: dict, idle: dict | None = None, variants: list | None = None, **options
) -> Architecture:
    tokenizer = small_tokenizers.albert()
    size = dict(
        embedding_size=16,
        hidden_size=32,
        num_hidden_layers=3,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    ids = dict(
        vocab_size=len(tokenizer),
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    config = AlbertConfig(**size | changes, **ids)
    idle = {r"attention\.key\.bias": KEY_BIAS} | (idle or {})
    options |= dict(layer_gain=0.5, variants=[dict(hidden_act="relu"), dict(num_hidden_layers=2), *(variants or [])])
    return Architecture(name, seed, AlbertForMaskedLM, config, tokenizer, idle=idle, **options)
