"""Names of sentence-transformers that are short, or refuse: each does what it says."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import FIXTURES, TEXTS

import splade
from splade import SimilarityFunction, SparseEncoder


def test_what_is_one_input(model: SparseEncoder) -> None:
    for single in ("a", {"text": "a"}, np.str_("a")):
        assert model.is_singular_input(single)
    for batch in (["a"], ("a", "b"), [], np.array(["a"]), np.array(["a"], object)):
        assert not model.is_singular_input(batch)


def test_similarity_functions_have_their_names() -> None:
    assert SimilarityFunction.possible_values() == ["cosine", "dot", "euclidean", "manhattan"]
    assert SimilarityFunction.DOT is SimilarityFunction.DOT_PRODUCT
    assert list(SparseEncoder.SUPPORTED_SIMILARITY_FN_NAMES) == SimilarityFunction.possible_values()


def test_the_backend_has_sentence_transformers_name(model: SparseEncoder) -> None:
    assert model.get_backend() == model.backend == "torch"


def test_a_pooling_keeps_the_checkpoint_s_prompt(model: SparseEncoder) -> None:
    model.set_pooling_include_prompt(False)  # It has no such pooling.
    csr = SparseEncoder(FIXTURES / "layouts" / "csr-exclude-prompt", device="cpu")
    csr.set_pooling_include_prompt(False)
    with pytest.raises(NotImplementedError, match="include_prompt is the checkpoint's"):
        csr.set_pooling_include_prompt(True)


def test_a_model_is_moved_by_short_names(model: SparseEncoder) -> None:
    assert model.bfloat16() is model and model.precision == "bf16"
    assert model.to(dtype="float32").precision == "f32"
    has_gpu = any(is_gpu for *_, is_gpu in splade.devices())
    if not has_gpu:
        with pytest.raises(ValueError, match="f16"):
            model.half()
        with pytest.raises(ValueError, match="`cuda:1`"):
            model.cuda(1)
        assert (model.device_name, model.precision) == ("cpu", "f32")  # As before.
    assert model.encode(TEXTS, output="splade").shape[0] == len(TEXTS)


@pytest.mark.parametrize(
    ("options", "n_tokens"),
    [
        ({}, 8),
        ({"add_special_tokens": True}, 8),
        ({"add_special_tokens": False}, 6),
        ({"truncation": "longest_first", "max_length": 4}, 4),
        ({"truncation": "do_not_truncate"}, 8),
        ({"padding": "max_length", "pad_to_multiple_of": 8, "return_tensors": "pt"}, 8),
    ],
)
def test_a_tokenizer_s_options_are_a_call_s(
    model: SparseEncoder, options: dict[str, object], n_tokens: int
) -> None:
    text = "one two three four five six"
    found = model.encode([text], output="splade", processing_kwargs={"text": options})
    assert found.n_tokens == n_tokens
    both = {"text": {"max_length": 4}, "common": {"max_length": 5}}
    assert model.encode([text], output="splade", processing_kwargs=both).n_tokens == 5


def test_a_text_that_must_not_be_cut_is_refused(model: SparseEncoder) -> None:
    options = {"text": {"truncation": "do_not_truncate", "max_length": 4}}
    with pytest.raises(ValueError, match="text 1 .*max_seq_length"):
        model.encode(["a", "one two three four"], output="splade", processing_kwargs=options)
    with pytest.raises(NotImplementedError, match="truncation='only_first'"):
        model.encode(["a"], output="splade", processing_kwargs={"text": {"truncation": "only_first"}})


@pytest.mark.torch
def test_the_old_name_of_preprocess_works(model: SparseEncoder) -> None:
    old, new = model.tokenize(TEXTS), model.preprocess(TEXTS)
    assert list(old) == list(new) == ["input_ids", "token_type_ids", "attention_mask"]
    for name, ids in new.items():
        assert old[name].tolist() == ids.tolist()


def test_measures_of_trec_eval_have_its_names(model: SparseEncoder) -> None:
    from splade.evaluate import measure

    vectors = model.encode(TEXTS[:3], output="splade")
    documents, judgements = (["x", "y", "z"], vectors), {"q": {"x": 1, "y": 0}}
    found = measure((["q"], vectors[:1]), documents, judgements, measures="trec_eval")
    assert (found["P_1"], found["map"], found["recip_rank"]) == (1.0, 1.0, 1.0)
    assert found["P_10"] == pytest.approx(0.1)
    with pytest.raises(ValueError, match="measures is beir"):
        measure((["q"], vectors[:1]), documents, judgements, measures="beir")
