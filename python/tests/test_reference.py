"""sentence-transformers and ours in one process: the same texts, the same forms, the same numbers."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import CSR, FIXTURES, ROUTER, TEXTS, TINY

import splade

pytestmark = pytest.mark.reference

FOLDERS = {"tiny": TINY, "router": ROUTER, "csr": CSR}


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> None:
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)


@pytest.fixture(scope="module", params=FOLDERS)
def both(request: pytest.FixtureRequest) -> tuple[Any, Any]:
    from sentence_transformers import SparseEncoder

    folder = str(FOLDERS[request.param])
    return SparseEncoder(folder, device="cpu"), splade.SparseEncoder(folder, device="cpu")


def texts() -> list[str]:
    recipes = json.loads((FIXTURES.parent / "reference" / "texts.json").read_text("utf-8"))
    found = []
    for recipe in (entry["text"] for entry in recipes):
        if isinstance(recipe, str):
            found.append(recipe)
        else:
            found.append(recipe.get("join", " ").join([recipe["repeat"]] * recipe["times"]))
    return found


def dense(result: Any) -> np.ndarray:
    import torch

    if isinstance(result, list):
        return np.stack([dense(row) for row in result])
    assert isinstance(result, torch.Tensor) and result.dtype == torch.float32
    return (result.to_dense() if result.is_sparse else result).numpy()


def assert_same(ours: Any, theirs: Any) -> None:
    """The same form, and the same numbers to 1e-4 + 1e-4 of the value."""
    assert type(ours) is type(theirs)
    if isinstance(ours, list):
        assert len(ours) == len(theirs)
        for our_row, their_row in zip(ours, theirs):
            assert_same(our_row, their_row)
        return
    assert (ours.shape, ours.layout, ours.dtype, ours.device) == (
        theirs.shape,
        theirs.layout,
        theirs.dtype,
        theirs.device,
    )
    if ours.is_sparse:
        assert ours.is_coalesced() and ours.indices().dtype == theirs.coalesce().indices().dtype
    np.testing.assert_allclose(dense(ours), dense(theirs), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("method", ["encode", "encode_query", "encode_document"])
def test_every_text_has_the_reference_s_numbers(both: tuple[Any, Any], method: str) -> None:
    theirs, ours = both
    found = getattr(ours, method)(texts())
    np.testing.assert_allclose(
        dense(found), dense(getattr(theirs, method)(texts())), rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize("sparse", [True, False])
@pytest.mark.parametrize("stack", [True, False])
@pytest.mark.parametrize("inputs", [TEXTS[0], TEXTS, tuple(TEXTS), np.array(TEXTS), [], [TEXTS[0]]])
def test_all_forms_are_the_reference_s(
    both: tuple[Any, Any], inputs: Any, stack: bool, sparse: bool
) -> None:
    theirs, ours = both
    options = {"convert_to_tensor": stack, "convert_to_sparse_tensor": sparse}
    assert_same(ours.encode_query(inputs, **options), theirs.encode_query(inputs, **options))
    options["save_to_cpu"] = True
    assert_same(ours.encode_document(inputs, **options), theirs.encode_document(inputs, **options))


def test_pairs_have_the_reference_s_numbers(both: tuple[Any, Any]) -> None:
    theirs, ours = both
    pairs = [("what is AI?", "AI is artificial intelligence."), ("what is ML?", "a part of it")]
    assert_same(ours.encode_document(pairs), theirs.encode_document(pairs))
    assert_same(ours.encode_document(np.array(pairs)), theirs.encode_document(np.array(pairs)))


@pytest.mark.parametrize("options", [{"max_active_dims": 7}, {"prompt": "query: "}])
def test_options_of_a_call_do_the_same(both: tuple[Any, Any], options: dict[str, Any]) -> None:
    theirs, ours = both
    assert_same(ours.encode_document(TEXTS, **options), theirs.encode_document(TEXTS, **options))


def test_a_limit_of_tokens_does_the_same(both: tuple[Any, Any]) -> None:
    theirs, ours = both
    options = {"processing_kwargs": {"text": {"max_length": 4, "truncation": True}}}
    assert_same(ours.encode_document(TEXTS, **options), theirs.encode_document(TEXTS, **options))


@pytest.mark.parametrize("function", ["dot", "cosine", "euclidean", "manhattan"])
def test_scores_are_the_reference_s(both: tuple[Any, Any], function: str) -> None:
    theirs, ours = both
    embeddings = theirs.encode_document(TEXTS)
    theirs.similarity_fn_name = ours.similarity_fn_name = function
    forms = [embeddings, embeddings.to_dense(), embeddings.to_dense().numpy(), list(embeddings)]
    for form in forms:
        found, expected = ours.similarity(form, form), theirs.similarity(form, form)
        # On the diagonal the distance of a vector from itself is rounding alone.
        tolerance = 2e-2 if function == "euclidean" else 1e-4
        np.testing.assert_allclose(dense(found), dense(expected), rtol=1e-4, atol=tolerance)
    for form in (embeddings, embeddings.to_dense()):
        found, expected = (m.similarity_pairwise(form, form.flip(0) if not form.is_sparse else form)
                           for m in (ours, theirs))
        np.testing.assert_allclose(dense(found), dense(expected), rtol=1e-4, atol=1e-4)
    theirs.similarity_fn_name = ours.similarity_fn_name = "dot"


def test_statistics_and_tokens_are_the_reference_s(both: tuple[Any, Any]) -> None:
    theirs, ours = both
    embeddings = theirs.encode_document(TEXTS)
    for form in (embeddings, embeddings.to_dense(), embeddings[0], embeddings.to_dense()[0]):
        assert ours.sparsity(form) == pytest.approx(theirs.sparsity(form), rel=1e-6)
        found, expected = ours.decode(form, top_k=5), theirs.decode(form, top_k=5)
        if form.dim() == 1:
            found, expected = [found], [expected]
        for our_row, their_row in zip(found, expected):
            assert len(our_row) == len(their_row)
            np.testing.assert_allclose([w for _, w in our_row], [w for _, w in their_row])
            assert all(isinstance(token, str) and type(pair) is tuple for pair in our_row for token in pair[:1])
    for other in (embeddings, embeddings[1]):
        found = ours.intersection(embeddings[0], other)
        assert_same(found, theirs.intersection(embeddings[0], other).coalesce())


def test_what_the_model_says_is_the_reference_s(both: tuple[Any, Any]) -> None:
    theirs, ours = both
    for name in ("prompts", "default_prompt_name", "similarity_fn_name", "max_active_dims", "device",
                 "dtype", "max_seq_length", "modalities", "backend", "SUPPORTED_SIMILARITY_FN_NAMES"):
        assert getattr(ours, name) == getattr(theirs, name), name
    assert ours.get_embedding_dimension() == theirs.get_embedding_dimension()
    assert set(ours.get_model_kwargs()) == set(theirs.get_model_kwargs())
    assert [type(module).__name__ for module in ours] == [type(m).__name__ for m in theirs]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert ours.get_sentence_embedding_dimension() == ours.get_embedding_dimension()
    assert [warning.category for warning in caught] == [FutureWarning]


def test_preprocessing_gives_the_reference_s_ids(both: tuple[Any, Any]) -> None:
    import torch

    theirs, ours = both
    for task in ("query", "document"):
        for prompt in (None, "query: "):
            found = ours.preprocess(TEXTS[:3], prompt=prompt, task=task)
            expected = theirs.preprocess(TEXTS[:3], prompt=prompt, task=task)
            for name in ("input_ids", "attention_mask"):
                assert torch.equal(found[name], expected[name]), (task, prompt, name)


def test_the_reference_loads_what_we_saved(both: tuple[Any, Any], tmp_path: Path) -> None:
    from sentence_transformers import SparseEncoder

    theirs, ours = both
    ours.save_pretrained(tmp_path / "m")
    assert_same(
        ours.encode_document(TEXTS), SparseEncoder(str(tmp_path / "m")).encode_document(TEXTS)
    )
