"""Ask sentence-transformers what it makes of a layout. README.md describes the result."""

import contextlib
from pathlib import Path

import numpy as np
import torch
from sentence_transformers import SparseEncoder
from sentence_transformers.base.modules import Transformer
from sentence_transformers.sparse_encoder.modules import SparseStaticEmbedding

import golden as plain_golden
from layout import METHODS, Call, Layout

SENTENCES = plain_golden.SENTENCES
BY_CALLER = ("method", "max_seq_length")

# A tokenizer without a limit says 10^30.
UNLIMITED = 10**9


def golden(layout: Layout, folder: Path, label: str, texts: dict[str, str]) -> dict:
    encoder = load(layout, folder, torch.float32)
    recorder = Recorder(encoder)
    settings = {
        "max_seq_length": encoder.max_seq_length if encoder.max_seq_length < UNLIMITED else None,
        "prompts": encoder.prompts,
        "default_prompt_name": encoder.default_prompt_name,
        "similarity_fn_name": encoder.similarity_fn_name,
        "max_active_dims": encoder.max_active_dims,
    }
    calls, lists = ask(recorder, METHODS + layout.calls, texts)
    width = recorder.width
    result = {
        "checkpoint": label,
        "versions": plain_golden.versions(),
        "dimension": width,
        **settings,
        "max_abs_diff_f64": distance_to_f64(layout, folder, calls, lists, texts),
        "similarity": similarity(encoder, texts),
        "calls": calls,
    }
    if layout.derived:
        derived_calls, lists = ask(Recorder(layout.derived(folder)), METHODS, texts, lists)
        result["derived_calls"] = derived_calls
    check(layout, lists, width)
    return result | {"row_lists": lists}


def load(layout: Layout, folder: Path, dtype: torch.dtype) -> SparseEncoder:
    inside = contextlib.nullcontext()
    if layout.working_folder is not None:
        inside = contextlib.chdir(folder / layout.working_folder)
    with inside:
        return SparseEncoder(str(folder), device="cpu", model_kwargs={"dtype": dtype})


class Recorder:
    """Calls an encoder and keeps what its tokenizer made of the text."""

    def __init__(self, encoder: SparseEncoder):
        self.encoder = encoder
        self.features = {}
        self.width = 0
        preprocess = encoder.preprocess

        def recorded(*arguments, **options):
            features = preprocess(*arguments, **options)
            self.features = dict(features)
            return features

        encoder.preprocess = recorded

    def row(self, call: Call, text: str) -> torch.Tensor:
        arguments = {key: value for key, value in call.items() if key not in BY_CALLER}
        row = getattr(self.encoder, call["method"])([text], **arguments)
        assert row.is_sparse and row.shape[0] == 1
        self.width = row.shape[1]
        return row.to_dense()[0]

    def tokens(self) -> dict:
        input_ids = self.features["input_ids"][0].tolist()
        prompt = {key: self.features[key] for key in ("prompt_length",) if self.features.get(key) is not None}
        return {"n_tokens": len(input_ids), "input_ids": input_ids} | prompt


def ask(recorder: Recorder, calls: list[Call], texts: dict[str, str], lists: list | None = None) -> tuple[list, list]:
    """Each call with the number of its list of rows. Calls that agree in every row share one."""
    lists = list(lists or [])
    answered = []
    for call in calls:
        try:
            rows = rows_of(recorder, call, texts)
        except (ValueError, RuntimeError) as error:
            answered.append(call | {"error": type(error).__name__, "message": str(error)})
            continue
        if rows not in lists:
            lists.append(rows)
        answered.append(call | {"rows": lists.index(rows)})
    return answered, lists


def rows_of(recorder: Recorder, call: Call, texts: dict[str, str]) -> list[dict]:
    encoder = recorder.encoder
    before = lengths(encoder)
    if "max_seq_length" in call:
        encoder.max_seq_length = call["max_seq_length"]
    rows = []
    for name, text in texts.items():
        row = recorder.row(call, text)
        tokens = recorder.tokens()
        if is_decided(recorder, call, text, row):
            rows.append({"name": name} | tokens | plain_golden.sparse(row))
    for module, length in before:
        module.max_seq_length = length
    assert len(rows) >= 6, (call, len(rows))
    return rows


def lengths(encoder: SparseEncoder) -> list[tuple]:
    """Setting the length of a Router sets that of every route: remember each."""
    inputs = [module for module in encoder.modules() if isinstance(module, Transformer | SparseStaticEmbedding)]
    return [(module, module.max_seq_length) for module in inputs]


def is_decided(recorder: Recorder, call: Call, text: str, row: torch.Tensor) -> bool:
    """Where only some dimensions are kept, rounding can't change which."""
    limit = call.get("max_active_dims") or recorder.encoder.max_active_dims
    if not limit or int(row.count_nonzero()) < limit or limit >= len(row):
        return True
    longer = recorder.row(call | {"max_active_dims": limit + 1}, text).abs().topk(limit + 1).values
    return bool(longer[-2] - longer[-1] > plain_golden.TIE_GAP)


def distance_to_f64(layout: Layout, folder: Path, calls: list, lists: list, texts: dict[str, str]) -> np.float32:
    """How far f32 rounding alone has moved the rows of the first three calls."""
    exact = Recorder(load(layout, folder, torch.float64))
    distance, largest = 0.0, 1.0
    for call in calls[: len(METHODS)]:
        if "error" in call:
            continue
        bare = {key: value for key, value in call.items() if key != "rows"}
        for row in lists[call["rows"]]:
            truth = exact.row(bare, texts[row["name"]])
            ours = torch.zeros_like(truth)
            ours[row["indices"]] = torch.tensor(np.array(row["values"]), dtype=truth.dtype)
            distance = max(distance, (truth - ours).abs().max().item())
            largest = max(largest, ours.abs().max().item())
    assert distance < 1e-5 * largest, f"{layout.name}: f32 is {distance} away from f64"
    return np.float32(f"{distance:.1e}")


def similarity(encoder: SparseEncoder, texts: dict[str, str]) -> dict:
    """The checkpoint's own function, every query with every document."""
    sentences = [texts[name] for name in SENTENCES]
    queries = torch.stack([encoder.encode_query([text])[0] for text in sentences])
    documents = torch.stack([encoder.encode_document([text])[0] for text in sentences])
    matrix = encoder.similarity(queries, documents).numpy()
    return {"names": SENTENCES, "matrix": [list(scores) for scores in matrix]}


def check(layout: Layout, lists: list, width: int) -> None:
    active = [len(row["indices"]) for rows in lists for row in rows]
    assert max(active) < width, layout.name
    spread = f"{min(active)} to {max(active)} of {width} dims, median {np.median(active)}"
    print(f"{layout.name}: {len(lists)} lists, {spread}")
