"""ELECTRA's generator: embeddings may be narrower than the layers, and the head goes back to their width."""

from transformers import ElectraConfig, ElectraForMaskedLM

import small_tokenizers
from architecture import KEY_BIAS, Architecture


def all_checkpoints() -> list[Architecture]:
    same = dict(
        embedding_size=32,
        hidden_size=32,
        hidden_act="relu",
        layer_norm_eps=1e-2,
        type_vocab_size=1,
        num_hidden_layers=3,
        tie_word_embeddings=False,
    )
    return [
        checkpoint("electra-projected", 631, {}),
        checkpoint("electra-same", 632, same, [dict(layer_norm_eps=1e-12)]),
    ]


def checkpoint(name: str, seed: int, changes: dict, variants: list | None = None) -> Architecture:
    tokenizer = small_tokenizers.bert()
    size = dict(
        embedding_size=16,
        hidden_size=24,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=40,
        max_position_embeddings=64,
    )
    config = ElectraConfig(**size | changes, vocab_size=len(tokenizer), pad_token_id=tokenizer.pad_token_id)
    idle = {r"key\.bias": KEY_BIAS}
    variants = [dict(hidden_act="silu"), *(variants or [])]
    return Architecture(name, seed, ElectraForMaskedLM, config, tokenizer, idle=idle, variants=variants)
