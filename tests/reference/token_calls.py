"""Pairs of texts as tokens and as vectors, cut from either side, and token ids turned back into text.

A checkpoint has `pairs` (ids and token types of every pair under every limit and side), `texts` (the same of single
texts, with and without special tokens), `decoded` (ids to text) and `rows` (vectors of the pairs); `clean_up` are
cases of one key of tokenizer_config.json.
"""

import tempfile
from pathlib import Path

import torch
from sentence_transformers import SparseEncoder
from transformers import AutoTokenizer

from golden import sparse
from tokenizer_switches import edit

TEXTS = [
    "The weather is lovely today.",
    "It isn't sunny , is it ? I 'm sure they 've gone: don't !",
    "  Héllo   WÖRLD!! river stones\t\nnew  line ",
    "naïve café, 今天天气很好 [SEP] x </s> <mask> [MASK]",
    "",
]
PAIRS = [
    ["The weather is lovely today.", "river stone"],
    ["river", "The weather is lovely today, and so is the sea."],
    ["silver letter window doctor garden", "market winter engine river stone"],
    ["", "river stone"],
    ["river stone", ""],
    ["", ""],
]
LIMITS = [None, 12, 9, 6]
SIDES = ["right", "left"]
NAMES = [
    "random/bert-gelu",
    "random/bert-gelu-new-cased",
    "architectures/distilbert-gelu",
    "architectures/electra-same",
    "architectures/mpnet-gelu",
    "architectures/roberta-gelu",
    "architectures/xlm-roberta-unigram",
    "architectures/camembert-unigram",
    "architectures/albert-shared",
    "architectures/deberta-v2-plain",
    "architectures/modernbert-local",
    "architectures/gte-plain",
    "architectures/bert-vocab-txt",
]
# Of these the pairs are encoded, too: a masked LM with token types and one without, a prompt that the pooling leaves
# out, a table of weights, and a limit for each task.
ROWS = [
    ("random/bert-gelu", {}),
    ("random/bert-gelu", {"prompt": "find: "}),
    ("architectures/roberta-gelu", {}),
    ("architectures/deberta-v2-plain", {}),
    ("layouts/csr-exclude-prompt", {"prompt": "find: "}),
    ("layouts/static-only", {}),
    ("layouts/task-lengths", {"task": "query"}),
]


def golden(fixtures: Path) -> dict:
    return {
        "texts": TEXTS,
        "pairs": PAIRS,
        "limits": LIMITS,
        "sides": SIDES,
        "checkpoints": [checkpoint(fixtures, name) for name in NAMES],
        "clean_up": [clean_up(fixtures, name, value) for name in NAMES[3:8] for value in (True, False)],
        "rows": [rows(fixtures, *given) for given in ROWS],
    }


def checkpoint(fixtures: Path, name: str) -> dict:
    tokenizer = AutoTokenizer.from_pretrained(fixtures / name)
    cuts = [(limit, side) for limit in LIMITS for side in SIDES]
    return {
        "checkpoint": name,
        "pairs": [[called(tokenizer, *pair, cut=cut) for pair in PAIRS] for cut in cuts],
        "texts": [[called(tokenizer, text, cut=cut) for text in TEXTS] for cut in cuts],
        "texts_without_specials": [
            [called(tokenizer, text, cut=cut, add_special_tokens=False) for text in TEXTS] for cut in cuts
        ],
        "decoded": decoded(tokenizer),
    }


def called(tokenizer, *texts: str, cut: tuple[int | None, str], **options) -> list:
    """Token ids and token types; a model that takes no types gets none, and all of ours are 0 then.

    A batch of one, as sentence-transformers asks: by itself an empty second text would count as none.
    """
    limit, tokenizer.truncation_side = cut
    if limit is not None:
        options |= {"truncation": True, "max_length": limit}
    found = tokenizer([list(texts) if len(texts) > 1 else texts[0]], **options)
    ids = found["input_ids"][0]
    return [ids, found["token_type_ids"][0] if "token_type_ids" in found else [0] * len(ids)]


def decoded(tokenizer) -> list:
    """Ids of each text with special tokens, decoded with these kept and with these dropped."""
    found = []
    for text in TEXTS:
        ids = tokenizer(text)["input_ids"]
        found.append([ids, tokenizer.decode(ids), tokenizer.decode(ids, skip_special_tokens=True)])
    return found


def clean_up(fixtures: Path, name: str, value: bool) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder) / "model"
        folder.mkdir()
        for path in (fixtures / name).glob("*.*"):
            (folder / path.name).write_bytes(path.read_bytes())
        edit(folder / "tokenizer_config.json", {"clean_up_tokenization_spaces": value})
        tokenizer = AutoTokenizer.from_pretrained(folder)
        return {"checkpoint": name, "clean_up_tokenization_spaces": value, "decoded": decoded(tokenizer)}


def rows(fixtures: Path, name: str, options: dict) -> dict:
    encoder = SparseEncoder(str(fixtures / name), device="cpu", model_kwargs={"dtype": torch.float32})
    dense = [encoder.encode([pair], **options).to_dense()[0] for pair in PAIRS]
    return {"checkpoint": name} | options | {"row_list": [sparse(row) for row in dense]}
