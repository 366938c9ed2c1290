"""`Surface`: what a model says about itself, its tokens and its modules."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

from splade import inputs as reading
from splade import checks, settings
from splade.deprecation import logger, warn_once
from splade.lifecycle import Lifecycle
from splade.modules import views
from splade.optional import torch
from splade.scoring import Scoring
from splade.tokenizer import Tokenizer


class Surface(Scoring, Lifecycle):
    """Properties of a model, preprocessing, views of modules."""

    # What the model is

    def get_embedding_dimension(self) -> int:
        """Length of a vector when written densely."""
        return self._native.dimension

    def get_sentence_embedding_dimension(self) -> int:
        """The old name of `get_embedding_dimension`."""
        import warnings

        warnings.warn(
            "The `get_sentence_embedding_dimension` method has been renamed to "
            "`get_embedding_dimension`.",
            FutureWarning,
            stacklevel=2,
        )
        return self.get_embedding_dimension()

    @property
    def max_seq_length(self) -> int | None:
        """Tokens that a text is cut to, special tokens included."""
        if self._max_seq_length is not None:
            return self._max_seq_length
        return self._native.max_seq_length

    @max_seq_length.setter
    def max_seq_length(self, value: int) -> None:
        value = checks.required("max_seq_length", value)
        self._native = self._native.with_max_seq_length(value)
        self._max_seq_length = value

    def get_max_seq_length(self) -> int | None:
        """The old form of `max_seq_length`."""
        return self.max_seq_length

    @property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer, with the names of transformers that callers use; a router's is that of its
        first route."""
        routes = getattr(self[0], "sub_modules", None)
        return Tokenizer(self._native, self._file, task=next(iter(routes)) if routes else None)

    @property
    def processor(self) -> None:
        """None: nothing of transformers is used."""
        return None

    @property
    def transformers_model(self) -> None:
        """None: nothing of transformers is used."""
        return None

    @property
    def config(self) -> None:
        """None: nothing of transformers is used."""
        return None

    @property
    def modalities(self) -> list[str]:
        """Text."""
        return ["text"]

    def supports(self, modality: Any) -> bool:
        """Whether it is "text"."""
        return modality in self.modalities

    def is_singular_input(self, inputs: Any) -> bool:
        """Whether the input is one text."""
        return reading.is_single(inputs)

    def get_model_kwargs(self) -> list[str]:
        """Further keyword arguments that `encode` takes."""
        names = []
        for module in self:
            if type(module).__name__ == "Router":
                names += ["modality", "task"]
            elif type(module).__name__ == "SparseAutoEncoder":
                names.append("max_active_dims")
        return names

    def get_backend(self) -> str:
        """"torch", as sentence-transformers calls its default."""
        return self.backend

    @property
    def splade_pooling_chunk_size(self) -> int | None:
        """What was set. It changes nothing: no pass needs the memory that it saves elsewhere."""
        pooling = self._splade_pooling()
        if pooling is None:
            logger.warning("SpladePooling module not found. Cannot get chunk_size.")
            return None
        size: int | None = pooling.chunk_size
        return size

    @splade_pooling_chunk_size.setter
    def splade_pooling_chunk_size(self, value: int | None) -> None:
        pooling = self._splade_pooling()
        if pooling is None:
            logger.warning("SpladePooling module not found. Cannot set chunk_size.")
        else:
            pooling.chunk_size = value

    def _splade_pooling(self) -> Any:
        return next((m for m in self if type(m).__name__ == "SpladePooling"), None)

    def set_pooling_include_prompt(self, include_prompt: bool) -> None:
        """Refused, unless it is so already: the checkpoint decides."""
        for module in self:
            if type(module).__name__ == "Pooling" and module.include_prompt != include_prompt:
                raise NotImplementedError(
                    "include_prompt is the checkpoint's: change it in the pooling's config.json"
                )

    def preprocess(self, inputs: Any, prompt: str | None = None, **kwargs: Any) -> dict[str, Any]:
        """Token ids as tensors, padded to the longest text."""
        th = torch("preprocess")
        is_single = isinstance(inputs, (str, dict))
        groups = reading.groups([inputs] if is_single else inputs)
        n_texts = reading.n_texts(groups)
        if n_texts == 0:
            return {}
        options = {
            "prompt": checks.text("prompt", prompt) or "",
            "task": checks.text("task", kwargs.pop("task", None)),
            **settings.processing(kwargs.pop("processing_kwargs", None)),
        }
        kwargs.pop("modality", None)
        if kwargs:
            raise TypeError(f"preprocess got unexpected keyword arguments {sorted(kwargs)}")
        ids: list[list[int]] = [[]] * n_texts
        segments: list[list[int]] = [[]] * n_texts
        for group in groups:
            tokens = self._native.tokenize(group.texts, group.second, options)
            for row, *of_text in zip(group.rows or range(n_texts), *tokens):
                ids[row], segments[row] = of_text
        width = max(len(row) for row in ids)
        pad = self.tokenizer.pad_token_id
        if pad is None:
            pad = self._file("config.json").get("pad_token_id") or 0

        def padded(rows: list[list[int]], value: int) -> Any:
            missing = ([value] * (width - len(row)) for row in rows)
            filled = [[*row, *more] for row, more in zip(rows, missing)]
            return th.tensor(filled, dtype=th.int64)

        features = {"input_ids": padded(ids, pad)}
        if "token_type_ids" in self.tokenizer.model_input_names:
            features["token_type_ids"] = padded(segments, 0)
        features["attention_mask"] = padded([[1] * len(row) for row in ids], 0)
        return features

    def tokenize(self, texts: Any, **kwargs: Any) -> dict[str, Any]:
        """The old name of `preprocess`."""
        warn_once("The `tokenize` method is deprecated, please use `preprocess` instead.")
        return self.preprocess(texts, **kwargs)

    def _file(self, name: str) -> dict[str, Any]:
        """A JSON file of the first module that has it, read once; empty if none has."""
        if name not in self._files:
            self._files[name] = self._read_file(name)
        return self._files[name]

    def _read_file(self, name: str) -> dict[str, Any]:
        info = json.loads(self._native.info())
        modules = [module for route in info["routes"] for module in route["modules"]]
        for module in modules:
            path = os.path.join(info["folder"], module["folder"], name)
            if os.path.isfile(path):
                with open(path, encoding="utf-8") as file:
                    content: dict[str, Any] = json.load(file)
                return content
        return {}

    # Modules

    def _modules_list(self) -> list[Any]:
        if self._views is None:
            self._views = views(self, json.loads(self._native.info()))  # type: ignore[arg-type]
        return self._views

    def __getitem__(self, index: Any) -> Any:
        return self._modules_list()[index]

    def __len__(self) -> int:
        return len(self._modules_list())

    def __iter__(self) -> Iterator[Any]:
        return iter(self._modules_list())

    def __bool__(self) -> bool:
        return True

    def __getattr__(self, name: str) -> Any:
        if name in settings.ABSENT:
            reason = settings.ABSENT[name]
            raise AttributeError(f"`{name}` is not supported by {type(self).__name__}: {reason}")
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
