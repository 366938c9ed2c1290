"""The tokenizer's names of transformers, and what they return there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from conftest import FIXTURES, TEXTS, TINY

from splade import SparseEncoder
from splade.tokenizer import Tokenizer


@pytest.fixture
def tokenizer(model: SparseEncoder) -> Tokenizer:
    return model.tokenizer


def test_tokens_ids_and_texts(tokenizer: Tokenizer) -> None:
    vocabulary = tokenizer.get_vocab()
    assert len(vocabulary) == tokenizer.vocab_size == len(tokenizer) == 30522
    assert tokenizer.convert_ids_to_tokens([101, 102]) == ["[CLS]", "[SEP]"]
    assert tokenizer.convert_ids_to_tokens(np.int64(101)) == "[CLS]"
    assert tokenizer.convert_tokens_to_ids("[CLS]") == 101 == vocabulary["[CLS]"]
    assert tokenizer.convert_tokens_to_ids(["world", "no such token"]) == [2088, 100]
    ids = tokenizer("It's sunny")["input_ids"]
    assert ids[0] == 101 and tokenizer.decode(ids, skip_special_tokens=True) == "it's sunny"
    assert tokenizer.tokenize("It's sunny") == ["it", "'", "s", "sunny"]
    assert tokenizer.decode(2088) == "world"
    assert tokenizer.decode([[101, 2088], [2088]]) == ["[CLS] world", "world"]
    ragged = [[101, 2088], np.array([2088])]
    assert tokenizer.batch_decode(ragged, skip_special_tokens=True) == ["world", "world"]


def test_special_tokens(tokenizer: Tokenizer) -> None:
    assert (tokenizer.cls_token, tokenizer.cls_token_id) == ("[CLS]", 101)
    assert (tokenizer.sep_token, tokenizer.sep_token_id) == ("[SEP]", 102)
    assert (tokenizer.pad_token, tokenizer.pad_token_id) == ("[PAD]", 0)
    assert (tokenizer.unk_token, tokenizer.unk_token_id) == ("[UNK]", 100)
    assert (tokenizer.mask_token, tokenizer.mask_token_id) == ("[MASK]", 103)
    assert tokenizer.all_special_ids == [100, 102, 0, 101, 103]
    assert tokenizer.model_max_length == 512 and tokenizer.padding_side == "right"


def test_a_router_has_the_tokenizer_of_its_first_route() -> None:
    router = SparseEncoder(FIXTURES / "layouts" / "router-no-default", device="cpu")
    assert router.tokenizer.tokenize("it") == router[0].tokenizer.tokenize("it") == ["it"]


def test_nothing_is_cut_unasked(tokenizer: Tokenizer) -> None:
    text = "a " * 1000
    for call in (tokenizer, tokenizer.encode, tokenizer.tokenize):
        with pytest.raises(ValueError, match="text 0 .*max_seq_length"):
            call(text)
    assert len(tokenizer(text, truncation=True)["input_ids"]) == 512
    assert len(tokenizer(text, max_length=7)["input_ids"]) == 7
    with pytest.raises(ValueError, match="text 0"):
        tokenizer(text, max_length=7, truncation=False)
    for options, message in (
        ({"padding": "widest"}, "padding is 'widest'"),
        ({"return_tensors": "tf"}, "return_tensors is 'tf'"),
        ({"return_tensors": "np"}, "give padding=True"),
        ({"max_length": 0}, "max_length must be a positive integer"),
    ):
        with pytest.raises(ValueError, match=message):
            tokenizer(["a", "a b"], **options)
    with pytest.raises(NotImplementedError, match="only_first"):
        tokenizer("a", truncation="only_first")
    with pytest.raises(TypeError, match="text is a list"):
        tokenizer.encode(["a"])


CALLS: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    (("a b",), {}),
    (("a b", "c"), {}),
    ((TEXTS,), {}),
    ((["a b", "d"], ["c", "e f"]), {}),
    (([["a", "b"], ["c", "d"]],), {}),
    ((["a b", "c"],), {"padding": True}),
    (("a b c d e f",), {"max_length": 4, "truncation": True}),
    (("a b c d e f", "g"), {"max_length": 4, "truncation": True}),
    (("a",), {"padding": "max_length", "max_length": 6}),
    (("a",), {"padding": "max_length"}),
    (("a",), {"add_special_tokens": False}),
    (("a",), {"return_token_type_ids": False}),
    (("a",), {"return_attention_mask": False}),
    ((["a", "b c"],), {"return_tensors": "np", "padding": "longest"}),
    (("a b c",), {"return_tensors": "pt"}),
]


@pytest.mark.reference
@pytest.mark.parametrize(
    "name",
    [
        *("albert-shared", "bert-vocab-txt", "bert-vocab-txt-alone", "camembert-unigram"),
        *("csr-modernbert", "deberta-v2-plain", "deberta-v2-buckets", "distilbert-gelu"),
        *("electra-same", "mpnet-gelu", "roberta-untied-types", "xlm-roberta-unigram"),
    ],
)
def test_every_class_answers_like_transformers_one(name: str) -> None:
    from transformers import AutoTokenizer

    folder = FIXTURES / "architectures" / name
    expected = AutoTokenizer.from_pretrained(str(folder))
    model = SparseEncoder(folder, device="cpu")
    found = model.tokenizer
    for kind in ("cls", "sep", "pad", "unk", "mask"):
        assert getattr(found, f"{kind}_token_id") == getattr(expected, f"{kind}_token_id")
    for arguments in (("hello world, it's",), (["a b", "c d e"],), (["a"], ["b c"])):
        assert dict(found(*arguments, padding=True)) == dict(expected(*arguments, padding=True))
    assert list(model.preprocess(["a"])) == list(expected("a"))


@pytest.mark.reference
@pytest.mark.parametrize(("arguments", "options"), CALLS)
def test_a_call_returns_what_transformers_does(
    tokenizer: Tokenizer, arguments: tuple[Any, ...], options: dict[str, Any]
) -> None:
    from transformers import AutoTokenizer

    expected = AutoTokenizer.from_pretrained(str(TINY))(*arguments, **options)
    found = tokenizer(*arguments, **options)
    assert list(found) == list(expected)
    for name, value in expected.items():
        if "return_tensors" in options:
            assert type(found[name]) is type(value) and found[name].dtype == value.dtype
        assert np.array_equal(found[name], value) if "return_tensors" in options else (
            found[name] == value
        )
    assert found.input_ids is found["input_ids"]
