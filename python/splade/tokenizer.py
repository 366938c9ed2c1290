"""The model's tokenizer, with the names that callers know from transformers."""

from __future__ import annotations

from typing import Any, overload

from splade._splade import Encoder


class Tokenizer:
    """Tokens, ids and texts. All routes of a model share the vocabulary."""

    def __init__(self, native: Encoder) -> None:
        self._native = native

    def get_vocab(self) -> dict[str, int]:
        """The id of every token."""
        return dict(self._native.vocabulary())

    @property
    def vocab_size(self) -> int:
        """Number of tokens."""
        return len(self._native.vocabulary())

    def __len__(self) -> int:
        return self.vocab_size

    @overload
    def convert_ids_to_tokens(self, ids: int) -> str: ...
    @overload
    def convert_ids_to_tokens(self, ids: list[int]) -> list[str]: ...
    def convert_ids_to_tokens(self, ids: int | list[int]) -> str | list[str]:
        """Tokens as the vocabulary spells them."""
        if isinstance(ids, int):
            return self._native.tokens([ids])[0]
        return self._native.tokens(list(ids))

    @overload
    def convert_tokens_to_ids(self, tokens: str) -> int | None: ...
    @overload
    def convert_tokens_to_ids(self, tokens: list[str]) -> list[int | None]: ...
    def convert_tokens_to_ids(self, tokens: str | list[str]) -> int | None | list[int | None]:
        """Ids of tokens; None for a token that the vocabulary lacks."""
        if isinstance(tokens, str):
            return self._native.token_id(tokens)
        return [self._native.token_id(token) for token in tokens]

    def tokenize(self, text: str) -> list[str]:
        """The tokens of a text, without special tokens."""
        ids, _ = self._native.tokenize([text], options={"special_tokens": "leave", "prompt": ""})
        return self._native.tokens(ids[0])

    def decode(self, ids: Any, skip_special_tokens: bool = False) -> str:
        """Ids as text."""
        ids = ids.tolist() if hasattr(ids, "tolist") else list(ids)
        return self._native.decode_ids(ids, "drop" if skip_special_tokens else "keep")

    def __call__(self, text: str | list[str]) -> dict[str, Any]:
        """`input_ids`, `token_type_ids` and `attention_mask`, as lists, without padding."""
        texts = [text] if isinstance(text, str) else list(text)
        ids, segments = self._native.tokenize(texts, options={"prompt": ""})
        masks = [[1] * len(row) for row in ids]
        encoded = {"input_ids": ids, "token_type_ids": segments, "attention_mask": masks}
        if isinstance(text, str):
            return {name: rows[0] for name, rows in encoded.items()}
        return encoded
