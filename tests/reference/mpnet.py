"""MPNet: one table of relative positions, added to the scores of every layer.

The reference always counts in 32 buckets, whatever `relative_attention_num_buckets` says: that is only the number of
rows in the table, and fewer than 32 rows fail. The distances of the last bucket begin behind 90.
"""

from transformers import MPNetConfig, MPNetForMaskedLM

import small_tokenizers
from architecture import KEY_BIAS, Architecture

# Longer than the largest distance that has a bucket of its own, 128.
MAX_LENGTH = 160
IDLE = {r"attn\.k\.bias": KEY_BIAS}
UNTIED = {r"lm_head\.bias": "an untied decoder has its own bias"}


def all_checkpoints() -> list[Architecture]:
    relu = dict(
        hidden_act="relu",
        tie_word_embeddings=False,
        relative_attention_num_buckets=40,
        num_hidden_layers=3,
        hidden_size=24,
        num_attention_heads=3,
        intermediate_size=40,
        layer_norm_eps=1e-2,
    )
    return [
        checkpoint("mpnet-gelu", 641, MAX_LENGTH, {}),
        checkpoint("mpnet-relu-untied", 642, 48, relu, idle=IDLE | UNTIED, variants=[dict(layer_norm_eps=1e-5)]),
    ]


def checkpoint(name: str, seed: int, max_length: int, changes: dict, **options) -> Architecture:
    tokenizer = small_tokenizers.mpnet(model_max_length=max_length)
    size = dict(num_hidden_layers=2, hidden_size=32, num_attention_heads=4, intermediate_size=64)
    ids = dict(
        vocab_size=len(tokenizer),
        # Positions start behind the padding id, 1.
        max_position_embeddings=max_length + 2,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    config = MPNetConfig(**size | changes, **ids)
    options = dict(idle=IDLE, variants=[dict(hidden_act="silu")]) | options
    return Architecture(name, seed, MPNetForMaskedLM, config, tokenizer, **options)
