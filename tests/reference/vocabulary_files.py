"""Checkpoints without tokenizer.json: the tokenizer is what its vocabulary files and tokenizer_config.json say."""

import json
from pathlib import Path

from transformers import BertConfig, BertForMaskedLM, BertTokenizer

import roberta
import small_tokenizers
import vocabulary
from architecture import KEY_BIAS, Architecture, write_json


def all_checkpoints() -> list[Architecture]:
    return [
        roberta.checkpoint("roberta-merges", 681, {}, rewrite=as_merges),
        bert("bert-vocab-txt", 682, dict(do_lower_case=False, strip_accents=True)),
        bert("bert-vocab-txt-cjk", 683, dict(do_lower_case=True, tokenize_chinese_chars=False)),
        bert("bert-vocab-txt-alone", 684, {}),
    ]


def bert(name: str, seed: int, options: dict) -> Architecture:
    """Without options there is no tokenizer_config.json either, and the defaults hold."""
    vocab = vocabulary.uncased() if options.get("do_lower_case", True) else vocabulary.cased()
    tokenizer = BertTokenizer(vocab=vocab, **options)
    size = dict(num_hidden_layers=1, hidden_size=24, num_attention_heads=3, intermediate_size=40)
    ids = dict(vocab_size=len(vocab), pad_token_id=vocab["[PAD]"], max_position_embeddings=64)
    idle = {r"key\.bias": KEY_BIAS}

    def rewrite(folder: Path) -> None:
        (folder / "tokenizer.json").unlink()
        (folder / "tokenizer_config.json").unlink()
        (folder / "vocab.txt").write_text("".join(f"{token}\n" for token in vocab), encoding="utf-8")
        if options:
            write_json(folder / "tokenizer_config.json", old_config(options))

    return Architecture(name, seed, BertForMaskedLM, BertConfig(**size, **ids), tokenizer, idle=idle, rewrite=rewrite)


def old_config(options: dict) -> dict:
    """As transformers 4.20 wrote it."""
    defaults = {
        "cls_token": "[CLS]",
        "do_basic_tokenize": True,
        "do_lower_case": True,
        "mask_token": "[MASK]",
        "model_max_length": 48,
        "never_split": None,
        "pad_token": "[PAD]",
        "sep_token": "[SEP]",
        "strip_accents": None,
        "tokenize_chinese_chars": True,
        "tokenizer_class": "BertTokenizer",
        "unk_token": "[UNK]",
    }
    return defaults | options


def as_merges(folder: Path) -> None:
    vocab, merges = small_tokenizers.byte_level(small_tokenizers.ROBERTA_SPECIALS, ["<mask>"])
    (folder / "tokenizer.json").unlink()
    (folder / "vocab.json").write_text(json.dumps(vocab, ensure_ascii=False), encoding="utf-8")
    lines = ["#version: 0.2", *map(" ".join, merges)]
    (folder / "merges.txt").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
