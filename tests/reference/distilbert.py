"""DistilBERT: no token types, own names for everything, `eps` 1e-12 that no config can change."""

from transformers import DistilBertConfig, DistilBertForMaskedLM

import small_tokenizers
from architecture import KEY_BIAS, Architecture


def all_checkpoints() -> list[Architecture]:
    relu = dict(
        activation="relu",
        sinusoidal_pos_embds=True,
        tie_word_embeddings=False,
        n_layers=3,
        n_heads=2,
        dim=24,
        hidden_dim=40,
    )
    return [
        checkpoint("distilbert-gelu", 601, {}),
        checkpoint("distilbert-relu-sinusoidal-untied", 602, relu),
    ]


def checkpoint(name: str, seed: int, changes: dict) -> Architecture:
    tokenizer = small_tokenizers.bert()
    size = dict(n_layers=2, dim=32, n_heads=4, hidden_dim=64, max_position_embeddings=64)
    config = DistilBertConfig(**size | changes, vocab_size=len(tokenizer), pad_token_id=tokenizer.pad_token_id)
    idle = {r"k_lin\.bias": KEY_BIAS}
    variants = [dict(activation="silu")]
    return Architecture(name, seed, DistilBertForMaskedLM, config, tokenizer, idle=idle, variants=variants)
