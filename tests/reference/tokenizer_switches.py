"""Token ids under each switch of tokenizer_config.json, as transformers' classes honour them.

A case is a fixture, what changes in its tokenizer_config.json and tokenizer.json (null takes a field out), and the ids
of every text; ids are null where transformers refuses the files.
"""

import json
import shutil
import tempfile
from pathlib import Path

from transformers import AutoTokenizer

TEXTS = [
    "The weather is lovely today.",
    "  Héllo   WÖRLD!! ``quoted'' text\t\nnew  line ",
    "naïve café, RIVER stone's",
    "<mask> and <s> x </s> [SEP] [MASK]",
    "今天天气很好",
    "ﬁne ½ ＡＢＣ",
    "don't!? (yes)",
    "",
]

# What a tokenizer.json of another making may hold: classes that are rebuilt ignore it.
OTHER = {"normalizer": {"type": "Lowercase"}, "pre_tokenizer": {"type": "Whitespace"}}

CASES = [
    ("mpnet-gelu", {"do_lower_case": False}, {}),
    ("mpnet-gelu", {"strip_accents": False, "tokenize_chinese_chars": False}, {}),
    ("mpnet-gelu", {"tokenizer_class": None}, OTHER),
    ("roberta-gelu", {"add_prefix_space": True}, {}),
    ("roberta-gelu", {"tokenizer_class": "RobertaTokenizerFast", "trim_offsets": False}, OTHER),
    ("roberta-gelu", {"tokenizer_class": None}, {}),
    ("roberta-gelu", {"tokenizer_class": "PreTrainedTokenizerFast"}, OTHER),
    ("xlm-roberta-unigram", {"add_prefix_space": False}, {}),
    ("xlm-roberta-unigram", {"tokenizer_class": None}, OTHER),
    ("camembert-unigram", {"add_prefix_space": False}, {}),
    ("camembert-unigram", {"tokenizer_class": None}, OTHER),
    ("albert-shared", {"do_lower_case": False}, {}),
    ("albert-shared", {"keep_accents": True}, {}),
    ("albert-shared", {"tokenizer_class": "AlbertTokenizerFast"}, OTHER),
    ("albert-shared", {"tokenizer_class": None}, {}),
    ("deberta-v2-plain", {"do_lower_case": True}, {}),
    ("deberta-v2-plain", {"split_by_punct": True}, {}),
    ("deberta-v2-plain", {"add_prefix_space": False}, {}),
    ("deberta-v2-plain", {"tokenizer_class": None}, OTHER),
    ("electra-same", {"tokenizer_class": "ElectraTokenizer"}, {}),
    ("electra-same", {"tokenizer_class": "ElectraTokenizerFast", "do_lower_case": False}, OTHER),
    ("distilbert-gelu", {"tokenizer_class": "DistilBertTokenizerFast", "do_lower_case": False}, {}),
    ("distilbert-gelu", {"tokenizer_class": None}, OTHER),
    ("gte-plain", {"tokenizer_class": None}, {}),
    ("modernbert-local", {"tokenizer_class": None}, {}),
    ("modernbert-local", {"tokenizer_class": "PreTrainedTokenizerFast"}, {}),
    ("roberta-gelu", {"tokenizer_class": "XLMRobertaTokenizer"}, {}),
    ("modernbert-local", {"tokenizer_class": "RobertaTokenizer", "add_prefix_space": True}, {}),
]


def golden(fixtures: Path) -> dict:
    return {"texts": TEXTS, "cases": [case(fixtures, *given) for given in CASES]}


def case(fixtures: Path, name: str, config: dict, tokenizer: dict) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder) / name
        shutil.copytree(fixtures / "architectures" / name, folder)
        edit(folder / "tokenizer_config.json", config)
        edit(folder / "tokenizer.json", tokenizer)
        try:
            found = AutoTokenizer.from_pretrained(folder)
            ids = [found(text)["input_ids"] for text in TEXTS]
        except Exception as refusal:  # whatever it raises, it does not load
            print(f"tokenizers: {name} {config}: {type(refusal).__name__}")
            ids = None
    return {"checkpoint": f"architectures/{name}", "config": config, "tokenizer": tokenizer, "ids": ids}


def edit(path: Path, changes: dict) -> None:
    fields = json.loads(path.read_text(encoding="utf-8")) | changes
    fields = {name: value for name, value in fields.items() if value is not None or name not in changes}
    path.write_text(json.dumps(fields, ensure_ascii=False), encoding="utf-8")
