"""Layouts of SparseStaticEmbedding: alone, from `idf.json`, from `query_token_weights.txt`."""

import tempfile
from pathlib import Path

import numpy as np
import torch
from sentence_transformers import SparseEncoder
from sentence_transformers.base.modules import Router, Transformer
from sentence_transformers.sparse_encoder.modules import SparseStaticEmbedding, SpladePooling
from transformers import AutoTokenizer

import small_bert
from layout import Layout, call

STATIC = "query_0_SparseStaticEmbedding"


def all_layouts() -> list[Layout]:
    return [
        Layout(
            "static-only",
            static_only,
            [call("encode", max_active_dims=4), call("encode", max_seq_length=8), call("encode", prompt="find: ")],
        ),
        Layout("static-unlimited", static_unlimited),
        Layout("static-idf", static_idf, working_folder=STATIC),
        Layout("static-idf-root", static_idf_root, working_folder=""),
        Layout("static-token-weights", static_token_weights, derived=with_token_weights),
    ]


def weights(seed: int, vocab_size: int, signed: bool = False) -> torch.Tensor:
    """Five decimals, as in published tables. A tenth of the vocabulary weighs nothing."""
    rng = np.random.default_rng(seed)
    values = rng.uniform(-4 if signed else 0.2, 9, vocab_size).round(5)
    values[rng.random(vocab_size) < 0.1] = 0
    return torch.from_numpy(values.astype(np.float32))


def by_token(module: SparseStaticEmbedding) -> dict[str, float]:
    """Without the tokens of weight 0: a reader gives 0 to whatever is not in the table."""
    tokens = module.tokenizer.convert_ids_to_tokens(range(module.num_dimensions))
    values = module.weight.detach().numpy()
    return {token: float(str(value)) for token, value in zip(tokens, values, strict=True) if value != 0}


def write_token_weights(path: Path, table: dict[str, float]) -> None:
    """UTF-8, no header, a line each: token, tab, weight."""
    path.write_text("".join(f"{token}\t{weight}\n" for token, weight in table.items()), encoding="utf-8")


def static_only(folder: Path) -> None:
    """No Router and no transformer. Some weights are negative, as training may leave them."""
    words = small_bert.tokenizer(model_max_length=20)
    module = SparseStaticEmbedding(words, weight=weights(301, len(words.get_vocab()), signed=True))
    small_bert.save([module], folder)


def static_unlimited(folder: Path) -> None:
    """Its tokenizer knows no limit, so queries stay whole while documents are cut."""
    words = small_bert.tokenizer()
    query = SparseStaticEmbedding(words, weight=weights(302, len(words.get_vocab())), frozen=True)
    small_bert.save([Router.for_query_document([query], small_bert.splade(303))], folder)


def static_idf(folder: Path) -> None:
    """`path` in the module's config names a table beside it."""
    from_table(folder, seed=304, document_seed=305, table_folder=STATIC)


def static_idf_root(folder: Path) -> None:
    """The same, and the table lies in the folder of the repository."""
    from_table(folder, seed=306, document_seed=307, table_folder="")


def from_table(folder: Path, seed: int, document_seed: int, table_folder: str) -> None:
    words = small_bert.tokenizer(model_max_length=20)
    query = SparseStaticEmbedding(words, weight=weights(seed, len(words.get_vocab())))
    small_bert.save([Router.for_query_document([query], small_bert.splade(document_seed))], folder)
    (folder / STATIC / "model.safetensors").unlink()
    small_bert.write_json(folder / STATIC / "config.json", {"frozen": True, "path": "idf.json"})
    small_bert.write_json(folder / table_folder / "idf.json", by_token(query))


def static_token_weights(folder: Path) -> None:
    """As opensearch-project published doc models before they had a modules.json."""
    folder.mkdir()
    small_bert.masked_lm(308).save_pretrained(folder)
    words = small_bert.tokenizer(model_max_length=small_bert.MAX_LENGTH)
    words.save_pretrained(folder)
    query = SparseStaticEmbedding(words, weight=weights(309, len(words.get_vocab())))
    write_token_weights(folder / "query_token_weights.txt", by_token(query))


def with_token_weights(folder: Path) -> SparseEncoder:
    """The reference does not read the table: give it the same weights as an idf.json."""
    lines = (folder / "query_token_weights.txt").read_text(encoding="utf-8").splitlines()
    table = {token: float(weight) for token, weight in (line.split("\t") for line in lines)}
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "idf.json"
        small_bert.write_json(path, table)
        query = SparseStaticEmbedding.from_json(str(path), AutoTokenizer.from_pretrained(folder))
    transformer = Transformer(str(folder), transformer_task="fill-mask", model_kwargs={"dtype": torch.float32})
    router = Router.for_query_document([query], [transformer, SpladePooling("max")])
    return SparseEncoder(modules=[router], device="cpu")
