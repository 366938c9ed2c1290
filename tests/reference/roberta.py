"""RoBERTa and its descendants: positions start behind the padding id, the head always uses gelu."""

import torch
from transformers import (
    CamembertConfig,
    CamembertForMaskedLM,
    RobertaConfig,
    RobertaForMaskedLM,
    XLMRobertaConfig,
    XLMRobertaForMaskedLM,
)

import small_tokenizers
from architecture import KEY_BIAS, Architecture

MAX_LENGTH = 64
SIZE = dict(
    num_hidden_layers=2,
    hidden_size=32,
    num_attention_heads=4,
    intermediate_size=64,
    type_vocab_size=1,
    layer_norm_eps=1e-5,
)
IDLE = {r"key\.bias": KEY_BIAS}
UNTIED = {r"lm_head\.bias": "an untied decoder has its own bias"}

# <pad> is not 1, and the padding row of the positions is not 1 either.
OTHER_IDS = ["<unk>", "<s>", "</s>", "<extra>", "<pad>"]


def all_checkpoints() -> list[Architecture]:
    types = dict(
        hidden_act="gelu_new",
        type_vocab_size=2,
        tie_word_embeddings=False,
        num_hidden_layers=3,
        hidden_size=24,
        num_attention_heads=3,
        intermediate_size=40,
        layer_norm_eps=1e-2,
    )
    epsilon = [dict(layer_norm_eps=1e-5)]
    return [
        checkpoint("roberta-gelu", 611, {}),
        checkpoint("roberta-untied-types", 612, types, OTHER_IDS, idle=IDLE | UNTIED, variants=epsilon),
        checkpoint("roberta-bf16", 613, {}, stored_dtype=torch.bfloat16),
        unigram("xlm-roberta-unigram", 614, XLMRobertaForMaskedLM, XLMRobertaConfig, small_tokenizers.xlm_roberta),
        unigram("camembert-unigram", 615, CamembertForMaskedLM, CamembertConfig, small_tokenizers.camembert),
    ]


def checkpoint(name: str, seed: int, changes: dict, specials: list[str] | None = None, **options) -> Architecture:
    tokenizer = small_tokenizers.roberta(specials, model_max_length=MAX_LENGTH)
    config = RobertaConfig(**SIZE | changes, **ids(tokenizer))
    options = dict(idle=IDLE, variants=[dict(hidden_act="relu")]) | options
    return Architecture(name, seed, RobertaForMaskedLM, config, tokenizer, **options)


def unigram(name: str, seed: int, model_class: type, config_class: type, make_tokenizer) -> Architecture:
    tokenizer = make_tokenizer(model_max_length=MAX_LENGTH)
    config = config_class(**SIZE, **ids(tokenizer))
    return Architecture(name, seed, model_class, config, tokenizer, idle=IDLE)


def ids(tokenizer) -> dict:
    """Positions up to the padding id are not for tokens."""
    pad = tokenizer.pad_token_id
    return dict(
        vocab_size=len(tokenizer),
        max_position_embeddings=MAX_LENGTH + pad + 1,
        pad_token_id=pad,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
