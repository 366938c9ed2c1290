"""What a constructor's arguments mean: devices, precisions, prompts, and what is refused."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from splade import checks
from splade._splade import devices

PRECISIONS = ("f32", "bf16", "int8", "f16")

_DTYPES = {
    "float32": "f32",
    "float": "f32",
    "float16": "f16",
    "half": "f16",
    "bfloat16": "bf16",
    # The checkpoint's own type: nothing is lost in f32, whatever that is.
    "auto": "f32",
}

# Attributes of torch's modules that are missing on purpose, and why.
ABSENT = {
    "add_adapter": "adapters are merged into the weights before loading",
    "compile": "there is no graph to compile",
    "forward": "use encode",
    "gradient_checkpointing_enable": "splade does not train",
    "load_adapter": "adapters are merged into the weights before loading",
    "parameters": "weights are no tensors of torch; see `device` and `dtype`",
    "merge": "merge checkpoints with sentence-transformers, and load the result",
    "named_parameters": "weights are no tensors of torch; see `device` and `dtype`",
    "push_to_hub": "use save_pretrained, and huggingface_hub to upload the folder",
    "register_forward_hook": "modules compute nothing in Python",
    "save_to_hub": "use save_pretrained, and huggingface_hub to upload the folder",
    "state_dict": "weights are no tensors of torch; save_pretrained writes them",
}


def device_name(device: Any) -> str:
    """The native name of a device; None and "auto" are the first GPU of this build, else the
    CPU."""
    if device is None or device == "auto":
        return next((names[0] for names, _, is_gpu in devices() if is_gpu), "cpu")
    if isinstance(device, (list, tuple, dict)):
        raise ValueError(f"device is {device!r}, expected the name of one device")
    name = str(device)
    return "cpu" if name == "cpu:0" else name


@contextmanager
def devices_of_this_wheel() -> Iterator[None]:
    """Says of a device that is not compiled in what it means for a wheel."""
    try:
        yield
    except ValueError as error:
        found = re.match(r"(device `.*?`) needs the cargo feature", str(error))
        if found is None:
            raise
        names = ", ".join(name for names, *_ in devices() for name in names)
        raise ValueError(
            f"{found[1]} is not in this build of splade, which has {names}: other devices need a "
            "wheel that was built for them (docs/python.md)"
        ) from None


def torch_device(name: str) -> str:
    """Where torch would say that a device's results are."""
    kind, _, number = name.partition(":")
    if kind == "cuda":
        return f"cuda:{number or 0}"
    return "mps" if kind in ("metal", "mps") else "cpu"


def precision(chosen: str | None, model_kwargs: dict[str, Any] | None) -> str:
    """The native precision, from our own argument or from `dtype` of `model_kwargs`."""
    kwargs = dict(model_kwargs or {})
    dtype = kwargs.pop("dtype", None)
    old = kwargs.pop("torch_dtype", None)
    if kwargs:
        raise NotImplementedError(
            f"model_kwargs has {sorted(kwargs)}, of which splade supports none: it supports dtype"
        )
    dtype = old if dtype is None else dtype
    if chosen is not None and chosen not in PRECISIONS:
        raise ValueError(f"precision is {chosen!r}, expected one of {list(PRECISIONS)}")
    if dtype is None:
        return "f32" if chosen is None else chosen
    if chosen is not None:
        raise ValueError("precision and model_kwargs['dtype'] say the same: give one of them")
    name = str(dtype).removeprefix("torch.")
    if name not in _DTYPES:
        raise ValueError(f"dtype {dtype!r} is not supported, expected one of {list(_DTYPES)}")
    return _DTYPES[name]


def max_model_length(processor_kwargs: dict[str, Any] | None) -> int | None:
    """`model_max_length`, the one argument of tokenizers that is supported."""
    kwargs = dict(processor_kwargs or {})
    length: int | None = kwargs.pop("model_max_length", None)
    if kwargs:
        raise NotImplementedError(
            f"processor_kwargs has {sorted(kwargs)}, of which splade supports none: it supports "
            "model_max_length"
        )
    return checks.positive("model_max_length", length)


def refuse(**arguments: Any) -> None:
    """Refuses arguments of sentence-transformers that are given, and not supported."""
    reasons = {
        "modules": "models are loaded from folders",
        "trust_remote_code": "no code of a model is run",
        "config_kwargs": "a checkpoint's configuration is used as it is",
    }
    for name, value in arguments.items():
        if value:
            raise NotImplementedError(f"`{name}` is not supported: {reasons[name]}")


def processing(kwargs: dict[str, Any] | None) -> dict[str, Any]:
    """The native options for `processing_kwargs` of a call."""
    options: dict[str, Any] = {}
    groups = dict(kwargs or {})
    for name in ("text", "common"):  # `common` stands above `text`.
        for key, value in dict(groups.pop(name, None) or {}).items():
            options.update(_processing(name, key, value))
    if strangers := [name for name, group in groups.items() if group]:
        raise NotImplementedError(f"processing_kwargs has {strangers}: splade reads texts only")
    return options


def _processing(group: str, key: str, value: Any) -> dict[str, Any]:
    if key == "max_length":
        return {"max_seq_length": checks.positive("max_length", value)}
    if key == "add_special_tokens":
        return {"special_tokens": "add" if value else "leave"}
    if key == "truncation" and value in (True, "longest_first"):
        return {"truncation": "cut"}
    if key == "truncation" and value in (False, "do_not_truncate"):
        return {"truncation": "refuse"}
    if key in ("padding", "pad_to_multiple_of", "verbose"):
        return {}  # Nothing is padded, and padding changes no vector.
    if key == "return_tensors" and value == "pt":
        return {}
    raise NotImplementedError(f"processing_kwargs[{group!r}] has {key}={value!r}, not supported")
