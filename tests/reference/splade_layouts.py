"""Layouts of one masked LM and one SpladePooling: their pooling, their old names, their settings."""

import json
from pathlib import Path

import small_bert
from layout import Layout, call

OLD = "sentence_transformers.sparse_encoder.models"
PROMPTS = {"query": "find: ", "document": "text: "}


def all_layouts() -> list[Layout]:
    prompt_calls = [
        call("encode", prompt="note: "),
        call("encode", prompt_name="query"),
        call("encode_query", prompt="note: "),
        call("encode_document", prompt_name="query"),
        call("encode_query", prompt=""),
        call("encode", prompt_name="nonsense"),
    ]
    passage_calls = [call("encode", prompt_name="passage"), call("encode_document", prompt_name="corpus")]
    default_calls = [
        call("encode", prompt=""),
        call("encode", prompt_name="query"),
        call("encode_query", prompt_name="note"),
    ]
    lengths = [call("encode", max_seq_length=8)]
    limits = [call("encode", max_active_dims=limit) for limit in (3, 1000, 0)]
    return [
        Layout("st-max", pooled(101, pooling_strategy="max", activation_function="relu"), lengths),
        Layout("st-sum-log1p", pooled(102, pooling_strategy="sum", activation_function="log1p_relu")),
        Layout("legacy-classes", legacy_classes, lengths),
        Layout("legacy-doubled", legacy_doubled),
        Layout("tokenizer-baked", tokenizer_baked, lengths),
        Layout("task-lengths", task_lengths, [call("encode_query", max_seq_length=6)]),
        Layout("prompts", settings(106, prompts=PROMPTS), prompt_calls),
        Layout("prompts-passage", prompts_passage, passage_calls),
        Layout(
            "prompts-default",
            settings(108, prompts={"note": "note: "}, default_prompt_name="note"),
            default_calls,
        ),
        Layout("similarity-cosine", settings(109, similarity_fn_name="cosine")),
        Layout("max-active-dims", settings(110, max_active_dims=8), limits),
    ]


def pooled(seed: int, **pooling):
    return lambda folder: small_bert.save(small_bert.splade(seed, pooling), folder)


def settings(seed: int, **options):
    return lambda folder: small_bert.save(small_bert.splade(seed), folder, **options)


def legacy_classes(folder: Path) -> None:
    """As sentence-transformers 5.0 wrote it."""
    small_bert.save(small_bert.splade(103, dict(pooling_strategy="max")), folder)
    name_modules(folder, f"{OLD}.MLMTransformer", f"{OLD}.SpladePooling")
    old_configs(folder, dict(max_seq_length=24, do_lower_case=False), "max", "relu")


def legacy_doubled(folder: Path) -> None:
    small_bert.save(small_bert.splade(104, dict(pooling_strategy="max"), cased=True), folder)
    name_modules(folder, f"{OLD}.MLMTransformer.MLMTransformer", f"{OLD}.SpladePooling.SpladePooling")
    old_configs(folder, dict(max_seq_length=24, do_lower_case=True), "max", "log1p_relu")


def name_modules(folder: Path, *types: str) -> None:
    def change(modules: list[dict]) -> list[dict]:
        assert len(modules) == len(types)
        return [module | {"type": name} for module, name in zip(modules, types)]

    small_bert.edit_json(folder / "modules.json", change)


def old_configs(folder: Path, transformer: dict, strategy: str, activation: str) -> None:
    vocab_size = json.loads((folder / "config.json").read_text(encoding="utf-8"))["vocab_size"]
    pooling = dict(pooling_strategy=strategy, activation_function=activation, word_embedding_dimension=vocab_size)
    small_bert.write_json(folder / "sentence_bert_config.json", transformer)
    small_bert.write_json(folder / "1_SpladePooling/config.json", pooling)


def tokenizer_baked(folder: Path) -> None:
    """tokenizer.json of a tokenizer that was saved after use: its truncation and padding must not be obeyed."""
    small_bert.save(small_bert.splade(105), folder)
    truncation = {"direction": "Right", "max_length": 5, "strategy": "LongestFirst", "stride": 0}
    padding = {
        "strategy": {"Fixed": 12},
        "direction": "Right",
        "pad_to_multiple_of": None,
        "pad_id": 0,
        "pad_type_id": 0,
        "pad_token": "[PAD]",
    }
    small_bert.edit_json(folder / "tokenizer.json", lambda it: it | {"truncation": truncation, "padding": padding})


def task_lengths(folder: Path) -> None:
    small_bert.save(small_bert.splade(111), folder)
    lengths = {"query_length": 8, "document_length": 16}
    small_bert.edit_json(folder / "sentence_bert_config.json", lambda it: it | lengths)


def prompts_passage(folder: Path) -> None:
    """Without the keys `query` and `document`, which sentence-transformers 6 always writes."""
    settings(107)(folder)
    prompts = {"passage": "text: ", "corpus": "note: "}
    small_bert.edit_json(folder / "config_sentence_transformers.json", lambda it: it | {"prompts": prompts})
