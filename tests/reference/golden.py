"""Ask sentence-transformers what it makes of the texts, one at a time. README.md describes the result."""

import numpy as np
import sentence_transformers
import tokenizers
import torch
import transformers
from sentence_transformers import SparseEncoder

SENTENCES = ["weather", "sunny", "stadium"]
TRUNCATED = ["weather", "special_tokens", "accents_nfd", "passage_science", "words_5000"]
DECODED = ["weather", "sunny", "stadium", "passage_science", "passage_history", "question", "mixed_case"]
SIMILARITIES = ["dot", "cosine", "euclidean", "manhattan"]
MAX_SEQ_LENGTHS = [8, 16]
MAX_ACTIVE_DIMS = 16
DECODE_TOP_K = 10

# Neighbours in the order of weights that lie closer may swap ranks by rounding alone, so a golden order
# is only taken where all are farther apart.
TIE_GAP = 1e-4


def golden(folder: str, label: str, texts: dict[str, str]) -> dict:
    encoder = SparseEncoder(folder, device="cpu", model_kwargs={"dtype": torch.float32})
    dense = {name: encode_one(encoder, text) for name, text in texts.items()}
    max_seq_length = encoder.max_seq_length
    rows = [{"name": name} | tokens(encoder, text) | sparse(dense[name]) for name, text in texts.items()]
    check_activity(label, dense)
    return {
        "checkpoint": label,
        "versions": versions(),
        "vocab_size": len(next(iter(dense.values()))),
        "max_seq_length": max_seq_length,
        "max_abs_diff_f64": distance_to_f64(folder, texts, dense),
        "similarity": similarity(encoder, [dense[name] for name in SENTENCES]),
        "sparsity": encoder.sparsity(torch.stack([dense[name] for name in SENTENCES]).to_sparse()),
        "intersection": intersection(encoder, dense),
        "decode": decode(encoder, dense),
        "rows": rows,
        "rows_max_seq_length": rows_max_seq_length(encoder, texts),
        "rows_max_active_dims": rows_max_active_dims(encoder, texts, dense),
    }


def versions() -> dict[str, str]:
    modules = [sentence_transformers, transformers, tokenizers, torch, np]
    return {module.__name__: module.__version__.split("+")[0] for module in modules}


def encode_one(encoder: SparseEncoder, text: str, **options) -> torch.Tensor:
    row = encoder.encode([text], **options)
    assert row.is_sparse and row.shape[0] == 1
    return row.to_dense()[0]


def tokens(encoder: SparseEncoder, text: str) -> dict:
    input_ids = encoder.preprocess([text])["input_ids"][0].tolist()
    return {"n_tokens": len(input_ids), "input_ids": input_ids}


def sparse(row: torch.Tensor) -> dict:
    indices = row.nonzero()[:, 0]
    return {"indices": indices.tolist(), "values": list(row[indices].numpy())}


def check_activity(label: str, dense: dict[str, torch.Tensor]) -> None:
    """A row that is empty or full would prove little."""
    active = {name: int(row.count_nonzero()) for name, row in dense.items()}
    vocab_size = len(next(iter(dense.values())))
    assert all(2 <= count < vocab_size for count in active.values()), (label, active)
    usual = float(np.median(list(active.values()))) / vocab_size
    # The random checkpoints aim at 10 to 40%; a trained one is far sparser.
    assert vocab_size > 1000 or 0.1 < usual < 0.4, (label, usual)
    print(f"{label}: {min(active.values())} to {max(active.values())} of {vocab_size} dims, median {usual:.2%}")


def distance_to_f64(folder: str, texts: dict[str, str], dense: dict[str, torch.Tensor]) -> np.float32:
    """How far f32 rounding alone has moved these rows: the floor of any tolerance."""
    exact = SparseEncoder(folder, device="cpu", model_kwargs={"dtype": torch.float64})
    distance = max((encode_one(exact, text) - dense[name]).abs().max().item() for name, text in texts.items())
    # Sum pooling has weights far above 1, and rounds them accordingly.
    largest = max(row.max().item() for row in dense.values())
    assert distance < 1e-5 * max(1.0, largest), f"{folder}: f32 is {distance} away from f64"
    return np.float32(f"{distance:.1e}")


def similarity(encoder: SparseEncoder, rows: list[torch.Tensor]) -> dict:
    """Every function over the three sentences, and pairwise against the sentences shifted by one."""
    left = torch.stack(rows).to_sparse()
    right = torch.stack(rows[1:] + rows[:1]).to_sparse()
    matrix, pairwise = {}, {}
    for function in SIMILARITIES:
        encoder.similarity_fn_name = function
        matrix[function] = [list(scores) for scores in encoder.similarity(left, left).numpy()]
        pairwise[function] = list(encoder.similarity_pairwise(left, right).numpy())
    return {"names": SENTENCES, "matrix": matrix, "pairwise_with": SENTENCES[1:] + SENTENCES[:1], "pairwise": pairwise}


def intersection(encoder: SparseEncoder, dense: dict[str, torch.Tensor]) -> dict:
    left, right = SENTENCES[:2]
    product = encoder.intersection(dense[left].to_sparse(), dense[right].to_sparse())
    return {"names": [left, right]} | sparse(product.to_dense())


def decode(encoder: SparseEncoder, dense: dict[str, torch.Tensor]) -> list[dict]:
    decoded = []
    for name in DECODED:
        if name in dense and is_ordered(dense[name], DECODE_TOP_K, everywhere=True):
            pairs = encoder.decode(dense[name].to_sparse(), top_k=DECODE_TOP_K)
            entry = {"name": name, "top_k": DECODE_TOP_K}
            decoded.append(entry | {"tokens": [[token, np.float32(weight)] for token, weight in pairs]})
    return decoded


def rows_max_seq_length(encoder: SparseEncoder, texts: dict[str, str]) -> list[dict]:
    before = encoder.max_seq_length
    rows = []
    for length in MAX_SEQ_LENGTHS:
        encoder.max_seq_length = length
        for name in filter(texts.__contains__, TRUNCATED):
            row = encode_one(encoder, texts[name])
            rows.append({"name": name, "max_seq_length": length} | tokens(encoder, texts[name]) | sparse(row))
    encoder.max_seq_length = before
    return rows


def rows_max_active_dims(encoder: SparseEncoder, texts: dict[str, str], dense: dict[str, torch.Tensor]) -> list[dict]:
    rows = []
    for name, text in texts.items():
        if is_ordered(dense[name], MAX_ACTIVE_DIMS, everywhere=False):
            row = encode_one(encoder, text, max_active_dims=MAX_ACTIVE_DIMS)
            rows.append({"name": name, "max_active_dims": MAX_ACTIVE_DIMS} | sparse(row))
    return rows


def is_ordered(row: torch.Tensor, top_k: int, everywhere: bool) -> bool:
    """Rounding can't change which weights are the top_k largest (nor, if everywhere, their order)."""
    largest = row.topk(top_k + 1).values
    gaps = largest[:-1] - largest[1:]
    return bool(largest[-1] > 0 and (gaps if everywhere else gaps[-1:]).min() > TIE_GAP)
