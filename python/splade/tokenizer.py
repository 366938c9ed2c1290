"""The model's tokenizer, with the names that callers know from transformers."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, overload

import numpy as np

from splade import checks
from splade._splade import Encoder
from splade.optional import torch

_SPECIAL = tuple(f"{kind}_token" for kind in ("unk", "sep", "pad", "cls", "mask", "bos", "eos"))

# Models whose tokenizer is BERT's if no file says so, and the special tokens that it has then.
_BERTS = ("bert", "distilbert", "electra")
_OF_BERT = {f"{kind}_token": f"[{kind.upper()}]" for kind in ("unk", "sep", "pad", "cls", "mask")}

# Classes of transformers that return segments.
_WITH_SEGMENTS = ("BertTokenizer", "DebertaV2Tokenizer", "ElectraTokenizer")

# What transformers says where there is no limit.
_NO_LIMIT = int(1e30)


class BatchEncoding(dict[str, Any]):
    """What a tokenizer returns: a dictionary whose keys are attributes too."""

    def __getattr__(self, name: str) -> Any:
        if name in self:
            return self[name]
        raise AttributeError(name)

    def to(self, device: Any) -> BatchEncoding:
        """Moves tensors to a device."""
        return BatchEncoding({name: tensor.to(device) for name, tensor in self.items()})


def _token(name: str) -> Any:
    return property(lambda self: self._special(name), doc=f"The {name}, or None.")


def _token_id(name: str) -> Any:
    return property(lambda self: self._special_id(name), doc=f"The id of the {name}, or None.")


class Tokenizer:
    """Tokens, ids and texts. All routes of a model share the vocabulary."""

    unk_token, unk_token_id = _token("unk_token"), _token_id("unk_token")
    sep_token, sep_token_id = _token("sep_token"), _token_id("sep_token")
    pad_token, pad_token_id = _token("pad_token"), _token_id("pad_token")
    cls_token, cls_token_id = _token("cls_token"), _token_id("cls_token")
    mask_token, mask_token_id = _token("mask_token"), _token_id("mask_token")

    def __init__(
        self, native: Encoder, read: Callable[[str], dict[str, Any]], task: str | None = None
    ) -> None:
        """`read` reads a JSON file of the model by its name, and is empty if there is none."""
        self._native, self._read, self._task = native, read, task

    # The vocabulary

    def get_vocab(self) -> dict[str, int]:
        """The id of every token."""
        return dict(self._native.vocabulary())

    @property
    def vocab_size(self) -> int:
        """Number of tokens."""
        return len(self._native.vocabulary())

    def __len__(self) -> int:
        return self.vocab_size

    @property
    def model_max_length(self) -> int:
        """Tokens that `truncation=True` cuts a text to."""
        limit = self._native.max_seq_length
        return _NO_LIMIT if limit is None else limit

    @property
    def padding_side(self) -> str:
        """"right" or "left"."""
        side: str = self._config.get("padding_side", "right")
        return side

    @property
    def all_special_tokens(self) -> list[str]:
        """The tokens that stand for no text."""
        tokens = (self._special(name) for name in _SPECIAL)
        return list(dict.fromkeys(token for token in tokens if token is not None))

    @property
    def all_special_ids(self) -> list[int]:
        """Their ids."""
        ids = (self._native.token_id(token) for token in self.all_special_tokens)
        return [found for found in ids if found is not None]

    @functools.cached_property
    def _config(self) -> dict[str, Any]:
        config = {**self._read("special_tokens_map.json"), **self._read("tokenizer_config.json")}
        if "tokenizer_class" not in config and self._read("config.json").get("model_type") in _BERTS:
            config["tokenizer_class"] = "BertTokenizer"
        if self._is_of(config, ("BertTokenizer", "DistilBertTokenizer", "ElectraTokenizer")):
            config = {**_OF_BERT, **config}
        return config

    @staticmethod
    def _is_of(config: dict[str, Any], classes: tuple[str, ...]) -> bool:
        return str(config.get("tokenizer_class")).removesuffix("Fast") in classes

    @property
    def model_input_names(self) -> list[str]:
        """What a call returns, unless it says otherwise."""
        names: list[str] | None = self._config.get("model_input_names")
        if names is not None:
            return names
        segments = ["token_type_ids"] if self._is_of(self._config, _WITH_SEGMENTS) else []
        return ["input_ids", *segments, "attention_mask"]

    def _special(self, name: str) -> str | None:
        token = self._config.get(name)
        found: str | None = token.get("content") if isinstance(token, dict) else token
        return found

    def _special_id(self, name: str) -> int | None:
        token = self._special(name)
        return None if token is None else self._native.token_id(token)

    # Between tokens, ids and texts

    @overload
    def convert_ids_to_tokens(self, ids: int) -> str: ...
    @overload
    def convert_ids_to_tokens(self, ids: Any) -> list[str]: ...
    def convert_ids_to_tokens(self, ids: Any) -> str | list[str]:
        """Tokens as the vocabulary spells them."""
        ids = _plain(ids)
        return self._native.tokens([ids])[0] if isinstance(ids, int) else self._native.tokens(ids)

    @overload
    def convert_tokens_to_ids(self, tokens: str) -> int | None: ...
    @overload
    def convert_tokens_to_ids(self, tokens: list[str]) -> list[int | None]: ...
    def convert_tokens_to_ids(self, tokens: str | list[str]) -> int | None | list[int | None]:
        """Ids of tokens; that of `unk_token` for a token that the vocabulary lacks."""
        if not isinstance(tokens, str):
            return [self.convert_tokens_to_ids(token) for token in tokens]
        found = self._native.token_id(tokens)
        return self._special_id("unk_token") if found is None else found

    def tokenize(
        self, text: str, pair: str | None = None, add_special_tokens: bool = False
    ) -> list[str]:
        """The tokens of a text, without special tokens."""
        encoded = self(text, pair, add_special_tokens=add_special_tokens)
        return self._native.tokens(encoded["input_ids"])

    def encode(self, text: str, text_pair: str | None = None, **options: Any) -> Any:
        """The token ids of a text or pair; options are those of a call."""
        if not isinstance(text, str):
            raise TypeError(f"text is a {type(text).__name__}: call the tokenizer for a batch")
        return self(text, text_pair, **options)["input_ids"]

    def decode(self, ids: Any, skip_special_tokens: bool = False) -> Any:
        """Ids as text; lists of ids as a list of texts."""
        ids = _plain(ids)
        if isinstance(ids, list) and ids and isinstance(ids[0], list):
            return self.batch_decode(ids, skip_special_tokens)
        special = "drop" if skip_special_tokens else "keep"
        return self._native.decode_ids([ids] if isinstance(ids, int) else ids, special)

    def batch_decode(self, ids: Any, skip_special_tokens: bool = False) -> list[str]:
        """The text of each list of ids."""
        return [self.decode(row, skip_special_tokens) for row in _plain(ids)]

    def __call__(
        self,
        text: Any,
        text_pair: Any = None,
        *,
        add_special_tokens: bool = True,
        padding: bool | str = False,
        truncation: bool | str | None = None,
        max_length: int | None = None,
        return_tensors: str | None = None,
        return_token_type_ids: bool | None = None,
        return_attention_mask: bool = True,
    ) -> BatchEncoding:
        """`input_ids`, `token_type_ids` if its class has them, and `attention_mask`, of a text
        or of a batch of texts or pairs: lists, or tensors with `return_tensors="pt"` (or "np").

        A text is cut with `truncation=True` or a `max_length`. Without them one that is longer than
        the model's positions is a ValueError: it is never cut unasked.
        """
        max_length = checks.positive("max_length", max_length)
        is_single = isinstance(text, str)
        texts, second = _sides(text, text_pair)
        options = {
            "prompt": "",
            "task": self._task,
            "max_seq_length": max_length,
            "special_tokens": "add" if add_special_tokens else "leave",
            "truncation": _truncation(truncation, max_length),
        }
        ids, segments = self._native.tokenize(texts, second, options)
        width = self._width(padding, max_length, ids)
        has_segments = return_token_type_ids
        if has_segments is None:
            has_segments = "token_type_ids" in self.model_input_names
        pad_id = self.pad_token_id
        if width is not None and pad_id is None:
            raise ValueError("this tokenizer has no pad_token, so padding is not possible")
        padded = functools.partial(self._padded, width=width)
        columns = {"input_ids": padded(ids, pad_id)}
        if has_segments:
            columns["token_type_ids"] = padded(segments, self._config.get("pad_token_type_id", 0))
        if return_attention_mask:
            columns["attention_mask"] = padded([[1] * len(row) for row in ids], 0)
        if return_tensors is not None:
            return BatchEncoding(_tensors(columns, return_tensors))
        if is_single:
            return BatchEncoding({name: rows[0] for name, rows in columns.items()})
        return BatchEncoding(columns)

    def _padded(self, rows: list[list[int]], value: Any, width: int | None) -> list[list[int]]:
        missing = ([value] * ((width or 0) - len(row)) for row in rows)
        if self.padding_side == "left":
            return [[*more, *row] for row, more in zip(rows, missing)]
        return [[*row, *more] for row, more in zip(rows, missing)]

    def _width(
        self, padding: bool | str, max_length: int | None, ids: list[list[int]]
    ) -> int | None:
        """The length that rows are padded to."""
        if padding in (False, "do_not_pad"):
            return None
        if padding in (True, "longest"):
            return max(map(len, ids), default=0)
        if padding != "max_length":
            raise ValueError(
                f"padding is {padding!r}, expected True, 'longest', 'max_length' or False"
            )
        if max_length is None and self.model_max_length == _NO_LIMIT:
            raise ValueError("padding='max_length' needs a max_length: the model has no limit")
        return self.model_max_length if max_length is None else max_length


def _plain(ids: Any) -> Any:
    """An id or lists of ids, of tensors and arrays too, as Python's."""
    if hasattr(ids, "tolist"):
        return ids.tolist()
    return ids if isinstance(ids, int) else [_plain(row) for row in ids]


def _sides(text: Any, text_pair: Any) -> tuple[list[Any], list[Any] | None]:
    """The first and the second texts of a batch."""
    if isinstance(text, str):
        return [text], None if text_pair is None else [text_pair]
    texts = list(text)
    if text_pair is not None:
        return texts, [text_pair] if isinstance(text_pair, str) else list(text_pair)
    if not texts or not all(isinstance(row, (list, tuple)) and len(row) == 2 for row in texts):
        return texts, None
    return [first for first, _ in texts], [second for _, second in texts]


def _truncation(chosen: bool | str | None, max_length: int | None) -> str:
    if chosen in (True, "longest_first"):
        return "cut"
    if chosen not in (None, False, "do_not_truncate"):
        raise NotImplementedError(f"truncation={chosen!r} is not supported: True or False is")
    return "cut" if chosen is None and max_length is not None else "refuse"


def _tensors(columns: dict[str, list[list[int]]], kind: str) -> dict[str, Any]:
    if kind not in ("pt", "np"):
        raise ValueError(f"return_tensors is {kind!r}, expected 'pt' or 'np'")
    if len({len(row) for row in columns["input_ids"]}) > 1:
        raise ValueError("texts of several lengths make no tensor: give padding=True")
    if kind == "np":
        return {name: np.array(rows, np.int64) for name, rows in columns.items()}
    th = torch("return_tensors='pt'")
    return {name: th.tensor(rows, dtype=th.int64) for name, rows in columns.items()}
