"""Views of a model's modules: the class names and attributes that people look at."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from splade.encoder import SparseEncoder

_DEFAULTS: dict[str, dict[str, Any]] = {
    "SpladePooling": {"pooling_strategy": "max", "activation_function": "relu"},
    "Pooling": {"include_prompt": True},
}

# Attributes that only training reads.
_TRAINING = ("k_aux", "dead_threshold")


class ModuleView:
    """One module. Its class has the name of sentence-transformers' class; it computes nothing."""

    def __init__(self, model: SparseEncoder, key: tuple[Any, ...], facts: dict[str, Any]) -> None:
        self._model, self._key, self._facts = model, key, facts

    def _slot(self, name: str) -> tuple[Any, ...]:
        """Where the model keeps an attribute of this module."""
        return (*self._key, name)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or "_facts" not in self.__dict__:
            raise AttributeError(name)
        kept, key = self._model._module_state, self._slot(name)
        if key in kept:
            return kept[key]
        if name in self._facts:
            return self._facts[name]
        raise AttributeError(f"the view of a {type(self).__name__} has no attribute {name!r}")

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("_") or isinstance(getattr(type(self), name, None), property):
            object.__setattr__(self, name, value)
        elif name in self._facts and self._facts[name] == value:
            pass
        elif name in _TRAINING:
            self._model._module_state[self._slot(name)] = value
        else:
            raise NotImplementedError(
                f"{type(self).__name__}.{name} cannot be set: splade computes what the "
                "checkpoint says"
            )

    def __repr__(self) -> str:
        facts = ", ".join(f"{name}={value!r}" for name, value in self._facts.items())
        return f"{type(self).__name__}({facts})"


class InputView(ModuleView):
    """A module that reads text, and has a limit of tokens."""

    @property
    def max_seq_length(self) -> int | None:
        """Tokens that a text is cut to."""
        chosen = self._model._max_seq_length
        limit: int | None = self._facts["limit"] if chosen is None else chosen
        return limit

    @max_seq_length.setter
    def max_seq_length(self, value: int) -> None:
        if self._key[0] is not None:
            raise NotImplementedError(
                "splade has one limit for all routes: set max_seq_length of the model"
            )
        self._model.max_seq_length = value

    @property
    def tokenizer(self) -> Any:
        """The model's tokenizer."""
        return self._model.tokenizer


class PoolingView(ModuleView):
    """A SpladePooling. `chunk_size` is stored, and changes nothing: no pass needs the memory."""

    @property
    def chunk_size(self) -> int | None:
        """What was set."""
        size: int | None = self._model._module_state.get(self._slot("chunk_size"))
        return size

    @chunk_size.setter
    def chunk_size(self, value: int | None) -> None:
        self._model._module_state[self._slot("chunk_size")] = value


class Routes(Mapping[str, "list[ModuleView]"]):
    """The modules of each route, by name or as attributes."""

    def __init__(self, routes: dict[str, list[ModuleView]]) -> None:
        self._routes = routes

    def __getitem__(self, name: str) -> list[ModuleView]:
        return self._routes[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._routes)

    def __len__(self) -> int:
        return len(self._routes)

    def __getattr__(self, name: str) -> list[ModuleView]:
        if name == "_routes" or name not in self._routes:
            raise AttributeError(f"no route is called {name!r}")
        return self._routes[name]


class RouterView(ModuleView):
    """A Router with its routes."""

    def __init__(self, model: SparseEncoder, routes: dict[str, list[ModuleView]]) -> None:
        super().__init__(model, (None, 0), {})
        self._routes = Routes(routes)

    @property
    def sub_modules(self) -> Routes:
        """The modules of each route."""
        return self._routes

    @property
    def max_seq_length(self) -> int | None:
        """The largest limit of any route."""
        return self._model.max_seq_length

    @max_seq_length.setter
    def max_seq_length(self, value: int) -> None:
        self._model.max_seq_length = value

    @property
    def tokenizer(self) -> Any:
        """The model's tokenizer."""
        return self._model.tokenizer


def views(model: SparseEncoder, info: dict[str, Any]) -> list[ModuleView]:
    """The views of a model, from what it says about itself."""
    routes = info["routes"]
    if len(routes) == 1 and routes[0]["name"] is None:
        return _of_route(model, info, routes[0])
    named = {route["name"]: _of_route(model, info, route) for route in routes}
    return [_named("Router", RouterView)(model, named)]


def _of_route(
    model: SparseEncoder, info: dict[str, Any], route: dict[str, Any]
) -> list[ModuleView]:
    modules = []
    specified = list(route["modules"])
    if [module["class"] for module in specified] == ["Transformer"]:
        # A masked LM without modules.json, which the reference gives its default pooling.
        specified.append({"class": "SpladePooling", "folder": ""})
    for index, module in enumerate(specified):
        name = module["class"]
        facts = {**_DEFAULTS.get(name, {}), **_config(info["folder"], module)}
        base: type[ModuleView] = ModuleView
        if name in ("Transformer", "SparseStaticEmbedding"):
            base, facts = InputView, {"limit": route["max_seq_length"]}
        elif name == "SpladePooling":
            base = PoolingView
        modules.append(_named(name, base)(model, (route["name"], index), facts))
    return modules


def _config(folder: str, module: dict[str, Any]) -> dict[str, Any]:
    """A module's own configuration; a transformer's is not shown."""
    path = os.path.join(folder, module["folder"], "config.json")
    if not module["folder"] or not os.path.isfile(path):
        return {}
    with open(path, encoding="utf-8") as file:
        config: dict[str, Any] = json.load(file)
    # Stored, but not what they were when it was trained.
    config.pop("chunk_size", None)
    return config


def _named(name: str, base: type[Any]) -> type[Any]:
    return type(name, (base,), {"__doc__": base.__doc__, "__module__": base.__module__})
