"""`SparseEncoder`: a model, as it is loaded and configured; `encoding.py` has its calls."""

from __future__ import annotations

import json
import os
from types import FunctionType
from typing import Any, ClassVar

from splade import checks, settings
from splade.deprecation import renamed, warn_once
from splade.encoding import Encoding


class SparseEncoder(Encoding):
    """A SPLADE model: a text becomes weights for words of the model's vocabulary.

    Arguments are those of sentence-transformers' class, and two of ours: `threads` (all cores) and
    `precision` ("f32", "bf16", "int8", "f16").

        model = SparseEncoder("naver/splade-v3")
        vectors = model.encode(["It's so sunny outside!"])  # a torch tensor
        vectors = model.encode(["It's so sunny outside!"], output="scipy")
    """

    model_type: ClassVar[str] = "SparseEncoder"
    default_huggingface_organization: ClassVar[str | None] = "sparse-encoder"
    SUPPORTED_SIMILARITY_FN_NAMES: ClassVar[tuple[str, ...]] = (
        "cosine",
        "dot",
        "euclidean",
        "manhattan",
    )

    @renamed(tokenizer_kwargs="processor_kwargs")
    def __init__(
        self,
        model_name_or_path: str | os.PathLike[str] | None = None,
        *,
        modules: Any = None,
        device: Any = None,
        prompts: dict[str, str] | None = None,
        default_prompt_name: str | None = None,
        cache_folder: str | None = None,
        trust_remote_code: bool = False,
        revision: str | None = None,
        local_files_only: bool = False,
        token: bool | str | None = None,
        model_kwargs: dict[str, Any] | None = None,
        processor_kwargs: dict[str, Any] | None = None,
        config_kwargs: dict[str, Any] | None = None,
        model_card_data: Any = None,
        backend: str = "torch",
        similarity_fn_name: Any = None,
        max_active_dims: int | None = None,
        threads: int | None = None,
        precision: str | None = None,
    ) -> None:
        self.similarity_fn_name = similarity_fn_name
        self.max_active_dims = checks.positive("max_active_dims", max_active_dims)
        settings.refuse(
            modules=modules, trust_remote_code=trust_remote_code, config_kwargs=config_kwargs
        )
        if backend != "torch":
            raise NotImplementedError(
                f"backend={backend!r} is not supported: splade is the backend"
            )
        if model_name_or_path is None or not os.fspath(model_name_or_path):
            raise ValueError("model_name_or_path is missing: a folder, or an id of the hub")
        self.prompts: dict[str, Any] = {"query": None, "document": None, **checks.prompts(prompts)}
        self.default_prompt_name = checks.text("default_prompt_name", default_prompt_name)
        self.backend = backend
        self._module_state: dict[tuple[Any, ...], Any] = {}
        self._max_seq_length = settings.max_model_length(processor_kwargs)
        name = os.fspath(model_name_or_path)
        # A path has the same meaning after a change of the working directory, and in a pickle.
        self._is_local = os.path.isdir(name)
        self._source = {
            "name": os.path.abspath(name) if self._is_local else name,
            "organisation": self.default_huggingface_organization,
            "cache_folder": cache_folder,
            "revision": revision,
            "local_files_only": local_files_only,
        }
        self._load(
            token=token,
            device=settings.device_name(device),
            precision=settings.precision(precision, model_kwargs),
            threads=checks.threads(threads),
        )
        self._read_config()
        self._settle_prompts()
        self.model_card_data = self._card(model_card_data)

    def _load(
        self,
        *,
        token: bool | str | None,
        device: str,
        precision: str,
        threads: int | None,
    ) -> None:
        from splade.hub import locate

        folder = locate(token=token, **self._source)
        self._threads = threads
        self._load_native(folder, device, precision)
        self._views: list[Any] | None = None

    def _read_config(self) -> None:
        """Takes over what the checkpoint says, as far as the constructor did not."""
        folder = self._native.folder
        path = os.path.join(folder, "config_sentence_transformers.json")
        has_modules = os.path.isfile(os.path.join(folder, "modules.json"))
        if has_modules and os.path.isfile(path):
            with open(path, encoding="utf-8") as file:
                self._parse_model_config(json.load(file))
        if self.max_active_dims is None:
            for module in self:
                if type(module).__name__ == "SparseAutoEncoder":
                    self.max_active_dims = module.k
                    break

    def _parse_model_config(self, config: dict[str, Any]) -> None:
        for name, text in checks.prompts(config.get("prompts")).items():
            if self.prompts.get(name) is None:
                self.prompts[name] = text
        if self.default_prompt_name is None:
            self.default_prompt_name = config.get("default_prompt_name")
        saved = config.get("similarity_fn_name")
        if self._similarity_fn_name is None and saved in self.SUPPORTED_SIMILARITY_FN_NAMES:
            self.similarity_fn_name = saved
        if self.max_active_dims is None:
            self.max_active_dims = checks.positive("max_active_dims", config.get("max_active_dims"))

    def _settle_prompts(self) -> None:
        self.prompts = {name: text or "" for name, text in self.prompts.items()}
        name = self.default_prompt_name
        if name is not None and name not in self.prompts:
            raise ValueError(
                f"Default prompt name '{name}' not found in the configured prompts dictionary with "
                f"keys {list(self.prompts)!r}."
            )
        if name:
            warn_once(
                f"Default prompt name is set to '{name}'. This prompt applies unless overridden by "
                "`prompt`, `prompt_name`, or a method-specific prompt, including an empty prompt."
            )


def _name_methods() -> None:
    """Methods are called by the class that people know, in messages of Python's."""
    for base in SparseEncoder.__mro__:
        for name, member in vars(base).items() if base.__module__.startswith("splade.") else ():
            function = member.__func__ if isinstance(member, staticmethod) else member
            while isinstance(function, FunctionType):
                function.__module__, function.__qualname__ = __name__, f"SparseEncoder.{name}"
                function = getattr(function, "__wrapped__", None)


_name_methods()
