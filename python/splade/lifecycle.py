"""`Lifecycle`: where a model is, and how it is moved, shared, copied and saved."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterable
from types import NoneType
from typing import TYPE_CHECKING, Any

from splade import settings
from splade._splade import Encoder, devices
from splade.cards import TEXT, ModelCardData
from splade.hub import locate
from splade.optional import torch
from splade.pool import EncoderPool, check_pool
from splade.state import State

if TYPE_CHECKING:
    from typing_extensions import Self


class Lifecycle(State):
    """Devices, pools, evaluation, saving, copies and pickles."""

    # Devices

    @property
    def device(self) -> Any:
        """Where results are, as a torch.device."""
        th = torch("`device` is a torch.device, so it")
        name = settings.torch_device(self._native.device)
        is_here = not name.startswith("cuda") or th.cuda.is_available()
        return th.device(name if is_here and name != "mps" else "cpu")

    @property
    def device_name(self) -> str:
        """The native name of the device that computes; needs no torch."""
        return self._native.device

    @property
    def precision(self) -> str:
        """The precision that the model computes in; needs no torch."""
        return self._native.precision

    @property
    def dtype(self) -> Any:
        """The precision as a torch.dtype. Results are float32 in every precision."""
        th = torch("`dtype` is a torch.dtype, so it")
        names = {"f32": "float32", "f16": "float16", "bf16": "bfloat16", "int8": "int8"}
        return getattr(th, names[self._native.precision])

    def _load_native(self, folder: str, device: str, precision: str) -> None:
        with settings.devices_of_this_wheel():
            native = Encoder.load(folder, device, precision, self._threads, self._max_seq_length)
        # Calls pass the limit: Python's attribute is the one that counts.
        self._native = native.without_max_active_dims()
        self._process = os.getpid()
        self._files = {}

    def _torch_target(self) -> Any:
        """Where results are moved to; None leaves them on the CPU."""
        return None if self.device.type == "cpu" else self.device

    def to(self, device: Any = None, dtype: Any = None) -> Self:
        """Loads the model onto another device, or in another precision."""
        if str(device).startswith("torch.") and dtype is None:
            device, dtype = None, device
        name = self._native.device if device is None else settings.device_name(device)
        kwargs = None if dtype is None else {"dtype": dtype}
        precision = self._native.precision if kwargs is None else settings.precision(None, kwargs)
        if (name, precision) != (self._native.device, self._native.precision):
            self._load_native(self._native.folder, name, precision)
        return self

    def cpu(self) -> Self:
        """Loads the model onto the CPU."""
        return self.to("cpu")

    def cuda(self, device: int | None = None) -> Self:
        """Loads the model onto an NVIDIA card."""
        return self.to(f"cuda:{device or 0}")

    def half(self) -> Self:
        """Loads the model in float16."""
        return self.to(dtype="float16")

    def bfloat16(self) -> Self:
        """Loads the model in bfloat16."""
        return self.to(dtype="bfloat16")

    def eval(self) -> Self:
        """Nothing to do: a model is never in training."""
        return self

    def train(self, mode: bool = True) -> Self:
        """Refused, but for `train(False)`."""
        if mode:
            raise NotImplementedError("splade does not train: train with sentence-transformers")
        return self

    def _check_process(self) -> None:
        is_cpu = self._native.device in ("cpu", "ndarray", "flex")
        if self._process != os.getpid() and not is_cpu:
            raise RuntimeError(
                f"the model on {self._native.device} belongs to the process that was forked: start "
                "workers with the method `spawn`, or load the model in the worker"
            )

    # Pools, evaluation, saving

    def start_multi_process_pool(self, target_devices: list[Any] | None = None) -> EncoderPool:
        """Starts a worker for each device; without any named, for each NVIDIA card of this build,
        else four on the CPU, which share its threads. Workers are threads of this process."""
        if isinstance(target_devices, str) or not isinstance(target_devices, (Iterable, NoneType)):
            raise TypeError(f"target_devices is {target_devices!r}, expected a list of devices")
        if target_devices is None:
            cards = [names for names, _, is_gpu in devices() if is_gpu]
            cuda = [name for names in cards for name in names if name.startswith("cuda")]
            target_devices = cuda or ["cpu"] * 4
        names = [settings.device_name(device) for device in target_devices]
        with settings.devices_of_this_wheel():
            return EncoderPool(self._native.start_pool(names), self._native.folder)

    @staticmethod
    def stop_multi_process_pool(pool: EncoderPool) -> None:
        """Stops a pool."""
        check_pool(pool)
        pool.close()

    def evaluate(self, evaluator: Any, output_path: str | None = None) -> Any:
        """What an evaluator returns for this model."""
        if output_path is not None:
            os.makedirs(output_path, exist_ok=True)
        return evaluator(self, output_path)

    def save_pretrained(
        self,
        path: str | os.PathLike[str],
        model_name: str | None = None,
        create_model_card: bool = True,
        train_datasets: list[str] | None = None,
        safe_serialization: bool = True,
    ) -> None:
        """Saves the model as a folder that sentence-transformers loads to the same vectors."""
        self.save(path, model_name, create_model_card, train_datasets, safe_serialization)

    def save(
        self,
        path: str | os.PathLike[str],
        model_name: str | None = None,
        create_model_card: bool = True,
        train_datasets: list[str] | None = None,
        safe_serialization: bool = True,
    ) -> None:
        """See `save_pretrained`."""
        if not safe_serialization:
            raise NotImplementedError("safe_serialization=False is not supported: no pickles")
        from splade import saving  # Only now: it imports what few processes need.

        path = os.fspath(path)
        config: dict[str, Any] = {
            "prompts": dict(self.prompts),
            "default_prompt_name": self.default_prompt_name,
            "similarity_fn_name": self._similarity_fn_name,
        }
        readme = self._readme(path, model_name, train_datasets) if create_model_card else None
        saving.save(
            self._native, path, max_active_dims=self.max_active_dims, config=config, readme=readme
        )

    def _readme(
        self, path: str, model_name: str | None, train_datasets: list[str] | None
    ) -> str | None:
        """The card to save: the loaded model's own, with the metrics that are new, else one of
        ours. None leaves the folder's, of which ours would say less."""
        card = self.model_card_data
        if not isinstance(card, ModelCardData):
            card = ModelCardData(model_name=getattr(card, "model_name", None))
        loaded = os.path.join(self._native.folder, "README.md")
        if os.path.isfile(loaded):
            with open(loaded, **TEXT) as file:
                return card.with_metrics(file.read())
        is_new = bool(model_name or train_datasets or card.eval_results)
        if not is_new and os.path.isfile(os.path.join(path, "README.md")):
            return None
        return card.text(model_name, train_datasets)

    def _card(self, given: Any) -> Any:
        if given is not None:
            return given
        return ModelCardData(model_id=None if self._is_local else self._source["name"])

    # Copies

    # Both make a model with its own settings that shares the weights. Views belong to one model.

    def __copy__(self) -> Self:
        new = type(self).__new__(type(self))
        new.__dict__.update(self.__dict__)
        new.prompts, new._module_state = dict(self.prompts), dict(self._module_state)
        new._views = None
        return new

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        new = type(self).__new__(type(self))
        memo[id(self)] = new  # First: an attribute may refer to the model.
        new._views = None
        for name, value in self.__dict__.items():
            if name != "_views":
                new.__dict__[name] = copy.deepcopy(value, memo)
        return new

    def __getstate__(self) -> dict[str, Any]:
        """Python's state, and what it takes to load the model again; no weights, no token."""
        state = dict(self.__dict__)
        native = state.pop("_native")
        state["_views"], state["_files"] = None, {}
        revision = os.path.basename(native.folder) if _is_snapshot(native.folder) else None
        state["_source"] = {**self._source, "revision": revision or self._source["revision"]}
        state["_native"] = (native.folder, native.device, native.precision)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        folder, device, precision = state.pop("_native")
        self.__dict__.update(state)
        if not os.path.isdir(folder):
            if self._is_local:
                # The hub may have a stranger's model of the same name.
                raise FileNotFoundError(
                    f"there is no folder {folder}: the pickled model was loaded from it, and a "
                    "pickle holds no weights"
                )
            folder = locate(token=None, **self._source)
        self._load_native(folder, device, precision)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._native!r})"


def _is_snapshot(folder: str) -> bool:
    return os.path.basename(os.path.dirname(folder)) == "snapshots"
