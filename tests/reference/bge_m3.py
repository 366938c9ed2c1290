"""The sparse half of BAAI/bge-m3: a weight for every token of the text, the largest for each id.

sentence-transformers reads only the dense half of such a checkpoint. The reference is FlagEmbedding
(github.com/FlagOpen/FlagEmbedding at 02e0d1f6c4a62fcb5ae50b60ebc5455042a232f9):
`_sparse_embedding` in FlagEmbedding/finetune/embedder/encoder_only/m3/modeling.py and
`_process_token_weights` in FlagEmbedding/inference/embedder/encoder_only/m3.py, followed here in f32.

The files are those of the hub: an XLMRobertaModel, the modules of its dense half, and `sparse_linear.pt` and
`colbert_linear.pt`, state dicts in f16 by torch.save.
"""

from pathlib import Path

import numpy as np
import torch
from transformers import AutoModel, AutoTokenizer, XLMRobertaConfig, XLMRobertaModel

import architecture
import golden as plain_golden
import parameters
import roberta
import small_tokenizers
from architecture import KEY_BIAS, Architecture

SEED = 711
UNUSED = ("cls_token", "eos_token", "pad_token", "unk_token")
MODULES = [
    {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
    {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
    {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"},
]


def checkpoint() -> Architecture:
    tokenizer = small_tokenizers.xlm_roberta(model_max_length=roberta.MAX_LENGTH)
    config = XLMRobertaConfig(**roberta.SIZE, **roberta.ids(tokenizer))
    idle = {r"key\.bias": KEY_BIAS, r"pooler": "the pooler of the transformer is not used"}
    return Architecture("bge-m3", SEED, XLMRobertaModel, config, tokenizer, idle=idle, rewrite=add_heads)


def add_heads(folder: Path) -> None:
    size = roberta.SIZE["hidden_size"]
    rng = np.random.default_rng(SEED + 1000)
    for name, rows in {"sparse_linear": 1, "colbert_linear": size}.items():
        weight, bias = (parameters.GAIN / np.sqrt(size) * rng.standard_normal(shape) for shape in ((rows, size), rows))
        state = {"weight": torch.from_numpy(weight).half(), "bias": torch.from_numpy(bias).half()}
        torch.save(state, folder / f"{name}.pt")
    pooling = {"word_embedding_dimension": size, "pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}
    (folder / "1_Pooling").mkdir()
    architecture.write_json(folder / "1_Pooling/config.json", pooling)
    architecture.write_json(folder / "modules.json", MODULES)
    sizes = {"max_seq_length": roberta.MAX_LENGTH, "do_lower_case": False}
    architecture.write_json(folder / "sentence_bert_config.json", sizes)


def golden(folder: Path, texts: dict[str, str]) -> dict:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    texts = texts | {"special_text": special_text(tokenizer)}
    rows, distance = [], 0.0
    for name, text in texts.items():
        input_ids = tokenizer(text, truncation=True, max_length=roberta.MAX_LENGTH)["input_ids"]
        row = sparse_embedding(folder, tokenizer, input_ids, torch.float32)
        exact = sparse_embedding(folder, tokenizer, input_ids, torch.float64)
        distance = max(distance, (row - exact).abs().max().item())
        given = {"text": text} if name == "special_text" else {}
        tokens = {"n_tokens": len(input_ids), "input_ids": input_ids}
        rows.append({"name": name} | given | tokens | plain_golden.sparse(row))
    assert distance < 1e-5
    print(f"architectures/bge-m3: {[len(row['indices']) for row in rows]} of {len(tokenizer)} dims")
    return {
        "checkpoint": "architectures/bge-m3",
        "versions": plain_golden.versions(),
        "vocab_size": len(tokenizer),
        "max_seq_length": roberta.MAX_LENGTH,
        "max_abs_diff_f64": np.float32(f"{distance:.1e}"),
        "rows": rows,
    }


def special_text(tokenizer) -> str:
    """Names the special tokens: four of them weigh nothing here, the mask does."""
    pad, mask, unk, sep = (getattr(tokenizer, f"{name}_token") for name in ("pad", "mask", "unk", "sep"))
    return f"the {pad} weather {mask} is {unk} sunny {sep} today"


def sparse_embedding(folder: Path, tokenizer, input_ids: list[int], dtype: torch.dtype) -> torch.Tensor:
    model = AutoModel.from_pretrained(folder, dtype=dtype)
    linear = torch.nn.Linear(model.config.hidden_size, 1)
    linear.load_state_dict(torch.load(folder / "sparse_linear.pt", weights_only=True))
    ids = torch.tensor([input_ids])
    hidden_states = model(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state
    token_weights = linear.to(dtype)(hidden_states).relu()[..., 0]
    row = torch.zeros(1, len(tokenizer), dtype=dtype).scatter_reduce(-1, ids, token_weights, reduce="amax")[0]
    row[[getattr(tokenizer, f"{name}_id") for name in UNUSED]] = 0
    return row
