"""DeBERTa v2 and v3: attention between contents, from content to distance and from distance to content."""

from transformers import DebertaV2Config, DebertaV2ForMaskedLM

import small_tokenizers
from architecture import KEY_BIAS, Architecture

UNTIED = {r"predictions\.bias": "an untied decoder has its own bias"}
BUCKETS = [
    dict(max_relative_positions=32),
    dict(max_relative_positions=128),
    dict(hidden_act="relu"),
    dict(pos_att_type=["c2p"]),
    dict(pos_att_type=["p2c"]),
]
PLAIN = [dict(layer_norm_eps=1e-7), dict(conv_act="tanh"), dict(hidden_act="silu")]


def all_checkpoints() -> list[Architecture]:
    # As microsoft/deberta-v3-small has it.
    buckets = dict(
        pos_att_type=["p2c", "c2p"],
        position_buckets=8,
        norm_rel_ebd="layer_norm",
        share_att_key=True,
        position_biased_input=False,
        type_vocab_size=0,
    )
    plain = dict(
        pos_att_type="c2p|p2c",
        share_att_key=False,
        position_biased_input=True,
        type_vocab_size=2,
        conv_kernel_size=3,
        conv_act="gelu",
        hidden_act="relu",
        tie_word_embeddings=False,
        layer_norm_eps=1e-2,
        num_hidden_layers=3,
        hidden_size=24,
        num_attention_heads=3,
        intermediate_size=40,
        max_relative_positions=20,
    )
    new_head = buckets | dict(legacy=False, hidden_act="gelu_new")
    c2p = buckets | dict(pos_att_type=["c2p"], share_att_key=False, norm_rel_ebd="none")
    biases = {r"self\.(pos_)?key_proj\.bias": KEY_BIAS}
    unshared = {r"self\.pos_key_proj\.bias": KEY_BIAS}
    return [
        checkpoint("deberta-v2-buckets", 671, buckets, variants=BUCKETS),
        checkpoint("deberta-v2-plain", 672, plain, unshared | UNTIED, variants=PLAIN, layer_gain=0.5),
        checkpoint("deberta-v2-new-head", 673, new_head, variants=BUCKETS, bias_shift=-3.0),
        checkpoint("deberta-v2-c2p", 674, c2p, biases),
    ]


def checkpoint(name: str, seed: int, changes: dict, idle: dict | None = None, **options) -> Architecture:
    tokenizer = small_tokenizers.deberta()
    size = dict(
        num_hidden_layers=2,
        hidden_size=32,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=64,
        relative_attention=True,
    )
    config = DebertaV2Config(**size | changes, vocab_size=len(tokenizer), pad_token_id=tokenizer.pad_token_id)
    return Architecture(name, seed, DebertaV2ForMaskedLM, config, tokenizer, idle=idle or {}, **options)
