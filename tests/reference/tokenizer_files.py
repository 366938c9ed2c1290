"""Token ids under what the files of a tokenizer's folder may hold beside its vocabulary: added_tokens.json,
special_tokens_map.json, and the keys of tokenizer_config.json that name tokens.

A case is a fixture, what changes in its files, and what transformers makes of it: the ids of every text, the tokens
that were added to the vocabulary, the ids of the special ones, and how many tokens there are. `ids` are null where
transformers refuses the files.
"""

import json
import shutil
import tempfile
from pathlib import Path

from transformers import AutoTokenizer

TEXTS = [
    "The weather is lovely today.",
    "for  weather forweather  the sea",
    "Zebra zebra x Zebra! ZEBRA zebras",
    "[MASK] <mask> [CLS] </s> <for> [for]",
    "☃ ☃sea☃☃",
    "",
]

# One of each lineage.
WITH_JSON = [
    "random/bert-gelu",
    "random/bert-gelu-new-cased",
    "architectures/mpnet-gelu",
    "architectures/roberta-gelu",
    "architectures/xlm-roberta-unigram",
    "architectures/camembert-unigram",
    "architectures/albert-shared",
    "architectures/deberta-v2-plain",
    "architectures/modernbert-local",
]
WITHOUT_JSON = ["architectures/bert-vocab-txt", "architectures/bert-vocab-txt-alone", "architectures/roberta-merges"]

CONFIG = "tokenizer_config.json"
MAP = "special_tokens_map.json"
ADDED = "added_tokens.json"


def token(content: str, **options) -> dict:
    return {"__type": "AddedToken", "content": content} | options


def bare(content: str, **options) -> dict:
    return {"content": content, "lstrip": False, "rstrip": False, "single_word": False, "normalized": False} | options


STRIPPED = dict(lstrip=True, rstrip=True, normalized=False)

# What a file holds more (null takes a key out, `a.b` is a key in an object). A file that is not there is made.
EVERYWHERE = [
    {ADDED: {"Zebra": 999}},
    {ADDED: {"zebra": 7, "weather": 5}},
    {ADDED: {"<for>": 999, "for": 998}, MAP: {"additional_special_tokens": ["<for>"]}},
    {ADDED: {"<for>": 999}, CONFIG: {"extra_special_tokens": ["<for>"]}},
    {ADDED: {"zebra": 999}, CONFIG: {"added_tokens_decoder": {"999": bare("zebras")}}},
    {MAP: {"additional_special_tokens": ["for"]}},
    {MAP: {"additional_special_tokens": [bare("for")]}},
    {MAP: {"extra_special_tokens": ["for", "Zebra"]}},
    {MAP: {"extra_special_tokens": [bare("for", lstrip=True), "zebra"]}, CONFIG: {"extra_special_tokens": ["weather"]}},
    {MAP: {"extra_special_tokens": {"word_token": "for"}}},
    {MAP: {"additional_special_tokens": ["for"]}, CONFIG: {"additional_special_tokens": ["weather"]}},
    {MAP: {"additional_special_tokens": ["for"]}, CONFIG: {"added_tokens_decoder": {}}},
    {MAP: {"cls_token": "weather", "bos_token": "weather"}},
    {MAP: {"sep_token": bare("weather"), "eos_token": bare("weather")}},
    {MAP: {"mask_token": bare("weather", lstrip=True, rstrip=True)}},
    {MAP: {"mask_token": "Zebra", "pad_token": bare("zebra", single_word=True)}},
    {MAP: {"word_token": "for", "do_lower_case": False, "model_max_length": 4}},
    {MAP: {"unk_token": "weather"}},
    {CONFIG: {"additional_special_tokens": ["for"]}},
    {CONFIG: {"extra_special_tokens": ["for", token("Zebra", **STRIPPED)]}},
    {CONFIG: {"extra_special_tokens": [token("Zebra", single_word=True)]}},
    {CONFIG: {"extra_special_tokens": [bare("for")]}},
    {CONFIG: {"extra_special_tokens": "for"}},
    {CONFIG: {"extra_special_tokens": {"word_token": "for", "zebra": token("zebra", **STRIPPED)}}},
    {CONFIG: {"extra_special_tokens": [], "additional_special_tokens": ["for"]}},
    {CONFIG: {"extra_special_tokens": ["weather"], "additional_special_tokens": ["for"]}},
    {CONFIG: {"model_specific_special_tokens": {"word_token": "for"}}},
    {CONFIG: {"model_specific_special_tokens": {"word_token": "for"}, "image_token": "Zebra"}},
    {CONFIG: {"image_token": "Zebra", "video_token": token("zebra", normalized=True)}},
    {CONFIG: {"mask_token": token("weather", lstrip=True, special=False)}},
    {CONFIG: {"mask_token": bare("weather")}},
    {CONFIG: {"cls_token": token("weather"), "bos_token": token("weather")}},
    {CONFIG: {"added_tokens_decoder": {"300": bare("for", special=True), "200": bare("zebra", lstrip=True)}}},
    {CONFIG: {"added_tokens_decoder": {"999": {"content": "Zebra"}, "998": {"content": "for", "special": True}}}},
    {CONFIG: {"added_tokens_decoder": {"999": "Zebra"}}},
    {CONFIG: {"added_tokens_decoder": {"999": bare("Zebra", normalized=True)}, "split_special_tokens": True}},
    {CONFIG: {"max_len": 4, "model_max_length": None}},
    {CONFIG: {"max_len": 4, "model_max_length": 5}},
    {CONFIG: {"add_bos_token": True, "add_eos_token": False}},
    {CONFIG: {"unk_id": 2}},
]
JSON = [
    {"tokenizer.json": {"post_processor": None}},
    {"tokenizer.json": {"added_tokens": []}},
    {"tokenizer.json": {"added_tokens": [bare("zebra", id=999, special=False), bare("<for>", id=998, special=True)]}},
    {
        "tokenizer.json": {"added_tokens": [bare("zebra", id=999, special=False)]},
        CONFIG: {"added_tokens_decoder": {"999": bare("Zebra", special=False)}},
        ADDED: {"for": 999},
    },
    {"tokenizer.json": {"added_tokens": [bare("zebra", id=999, special=False)]}, ADDED: {"zebra": 999, "for": 998}},
    {
        "tokenizer.json": {
            "padding": {
                "strategy": "BatchLongest",
                "direction": "Right",
                "pad_to_multiple_of": None,
                "pad_id": 0,
                "pad_type_id": 0,
                "pad_token": "weather",
            }
        },
        CONFIG: {"pad_token": None},
    },
    {CONFIG: {"tokenizer_class": None}},
    {CONFIG: {"tokenizer_class": None}, "config.json": {"model_type": None}},
    {CONFIG: {"tokenizer_class": None}, "config.json": {"tokenizer_class": "PreTrainedTokenizerFast"}},
    {CONFIG: {"tokenizer_class": "NoSuchTokenizer"}, "tokenizer.json": {"normalizer": {"type": "Lowercase"}}},
]

# Settings of the model that a class may set otherwise, by the fixture they are tried with.
MODEL = {
    "random/bert-gelu": [
        {"model.max_input_chars_per_word": 3},
        {"model.continuing_subword_prefix": "@@"},
        {"model.unk_token": "the"},
    ],
    "architectures/mpnet-gelu": [
        {"model.max_input_chars_per_word": 3},
        {"model.continuing_subword_prefix": "@@"},
        {"model.unk_token": "the"},
    ],
    "architectures/roberta-gelu": [
        {"model.unk_token": "<unk>", "model.fuse_unk": True},
        {"model.ignore_merges": True},
        {"model.byte_fallback": True},
        {"model.dropout": 1.0},
    ],
    "architectures/modernbert-local": [{"model.unk_token": "[UNK]"}, {"model.ignore_merges": True}],
    "architectures/xlm-roberta-unigram": [{"model.unk_id": 5}, {"model.byte_fallback": True}],
    "architectures/camembert-unigram": [{"model.unk_id": 5}, {"model.byte_fallback": True}],
    "architectures/albert-shared": [{"model.unk_id": 5}, {"model.byte_fallback": True}],
    "architectures/deberta-v2-plain": [{"model.unk_id": 5}, {"model.byte_fallback": True}],
}
# The class of the file as it stands.
AS_WRITTEN = {CONFIG: {"tokenizer_class": "PreTrainedTokenizerFast"}}


def golden(fixtures: Path) -> dict:
    cases = [case(fixtures, name, files) for name in WITH_JSON for files in EVERYWHERE + JSON]
    settings = [(name, {"tokenizer.json": changes}) for name, variants in MODEL.items() for changes in variants]
    cases += [case(fixtures, name, files) for name, files in settings]
    cases += [case(fixtures, name, files | AS_WRITTEN) for name, files in settings if "dropout" not in str(files)]
    cases += [case(fixtures, name, files) for name in WITHOUT_JSON for files in EVERYWHERE + moved(fixtures, name)]
    return {"texts": TEXTS, "cases": cases}


def moved(fixtures: Path, name: str) -> list[dict]:
    """A word is no longer in vocab.txt, but in added_tokens.json, under the number that comes next."""
    path = fixtures / name / "vocab.txt"
    if not path.exists():
        return []
    words = path.read_text(encoding="utf-8").splitlines()
    words.remove("the")
    return [{"vocab.txt": words, ADDED: {"the": len(words)}}]


def case(fixtures: Path, name: str, files: dict) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder) / "model"
        shutil.copytree(fixtures / name, folder, ignore=shutil.ignore_patterns("*.safetensors"))
        for file, changes in files.items():
            edit(folder / file, changes)
        values = {"checkpoint": name, "files": files, "ids": None}
        try:
            found = AutoTokenizer.from_pretrained(folder)
            values["ids"] = [found(text, truncation=True)["input_ids"] for text in TEXTS]
        except Exception as refusal:  # whatever it raises, it does not load
            print(f"tokenizers: {name} {files}: {type(refusal).__name__}: {refusal}")
            return values
        values["added"] = {str(index): found.convert_ids_to_tokens(index) for index in sorted(found.added_tokens_decoder)}
        values["special_ids"] = sorted(set(found.all_special_ids))
        values["size"] = len(found)
        return values


def edit(path: Path, changes: dict | list) -> None:
    """Lines are the whole file."""
    if isinstance(changes, list):
        path.write_text("".join(f"{line}\n" for line in changes), encoding="utf-8")
        return
    fields = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    for key, value in changes.items():
        *outer, name = key.split(".")
        inner = fields[outer[0]] if outer else fields
        inner[name] = value
        if value is None:
            del inner[name]
    path.write_text(json.dumps(fields, ensure_ascii=False), encoding="utf-8")
