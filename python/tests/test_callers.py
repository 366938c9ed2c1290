"""Other people's programs, given sentence-transformers' model and ours."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from conftest import TEXTS, TINY

import splade

pytestmark = pytest.mark.reference


@pytest.fixture(scope="module")
def both() -> tuple[Any, Any]:
    from sentence_transformers import SparseEncoder

    return SparseEncoder(str(TINY), device="cpu"), splade.SparseEncoder(str(TINY), device="cpu")


def test_splade_index_finds_the_same(both: tuple[Any, Any]) -> None:
    splade_index = pytest.importorskip("splade_index")
    found = []
    for model in both:
        index = splade_index.SPLADE()
        index.index(model=model, documents=TEXTS[:3])
        found.append(index.retrieve(["sunny weather"], k=2))
    assert found[0].doc_ids.tolist() == found[1].doc_ids.tolist()
    np.testing.assert_allclose(found[0].scores, found[1].scores, rtol=1e-4)


@pytest.mark.parametrize("prompt", [None, "query", "document"])
def test_mteb_s_wrapper_gets_the_same(both: tuple[Any, Any], prompt: str | None) -> None:
    mteb = pytest.importorskip("mteb")
    import datasets
    from mteb.models.sentence_transformer_wrapper import SparseEncoderWrapper
    from mteb.types import PromptType
    from torch.utils.data import DataLoader

    texts = DataLoader(datasets.Dataset.from_dict({"text": TEXTS[:3]}), batch_size=2)
    options = {
        "task_metadata": mteb.get_task("SciFact").metadata,
        "hf_split": "test",
        "hf_subset": "default",
        "prompt_type": None if prompt is None else PromptType(prompt),
    }
    found = []
    for model in both:
        wrapper = SparseEncoderWrapper(model)
        vectors = wrapper.encode(texts, **options)
        found.append(wrapper.similarity(vectors, vectors).numpy())
    np.testing.assert_allclose(found[0], found[1], rtol=1e-4, atol=1e-4)
