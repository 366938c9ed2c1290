"""`Encoding`: texts in, sparse vectors out, with sentence-transformers' names and results."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, Literal, overload

from splade import inputs as reading
from splade import checks, outputs, progress, settings
from splade._splade import SparseMatrix, SparseRow
from splade.deprecation import logger, renamed
from splade.optional import torch
from splade.outputs import Output
from splade.pool import EncoderPool, check_pool
from splade.surface import Surface

if TYPE_CHECKING:
    from torch import Tensor
    from typing_extensions import Unpack

    from splade.options import EncodeOptions, OneText, TensorOptions

_DEFAULT_BATCH_SIZE = 32


class Encoding(Surface):
    """The calls that make vectors."""

    # Type checkers learn the result from these, which take arguments by name as users of
    # sentence-transformers write them; the last one is for all other calls.
    @overload
    def encode_query(
        self, inputs: OneText, *, output: Literal["splade"], **options: Unpack[EncodeOptions]
    ) -> SparseRow: ...
    @overload
    def encode_query(
        self, inputs: Any, *, output: Literal["splade"], **options: Unpack[EncodeOptions]
    ) -> SparseMatrix: ...
    @overload
    def encode_query(
        self, inputs: OneText, *, convert_to_tensor: bool = ..., **options: Unpack[TensorOptions]
    ) -> Tensor: ...
    @overload
    def encode_query(
        self, inputs: Any, *, convert_to_tensor: Literal[False], **options: Unpack[TensorOptions]
    ) -> list[Tensor]: ...
    @overload
    def encode_query(
        self,
        inputs: Any,
        *,
        convert_to_tensor: Literal[True] = ...,
        **options: Unpack[TensorOptions],
    ) -> Tensor: ...
    @overload
    def encode_query(self, inputs: Any, *arguments: Any, **options: Any) -> Any: ...
    @renamed(sentences="inputs")
    def encode_query(
        self,
        inputs: Any,
        prompt_name: str | None = None,
        prompt: str | None = None,
        batch_size: int = _DEFAULT_BATCH_SIZE,
        show_progress_bar: bool | None = None,
        convert_to_tensor: bool = True,
        convert_to_sparse_tensor: bool = True,
        save_to_cpu: bool = False,
        device: Any = None,
        max_active_dims: int | None = None,
        pool: EncoderPool | None = None,
        chunk_size: int | None = None,
        **kwargs: Any,
    ) -> Any:
        """Vectors of queries: the prompt `query`, and a router's route of the task `query`."""
        if prompt_name is None and prompt is None and "query" in self.prompts:
            prompt_name = "query"
        return self.encode(
            inputs=inputs,
            prompt_name=prompt_name,
            prompt=prompt,
            batch_size=batch_size,
            show_progress_bar=show_progress_bar,
            convert_to_tensor=convert_to_tensor,
            convert_to_sparse_tensor=convert_to_sparse_tensor,
            save_to_cpu=save_to_cpu,
            device=device,
            max_active_dims=max_active_dims,
            pool=pool,
            chunk_size=chunk_size,
            task="query",
            **kwargs,
        )

    @overload
    def encode_document(
        self, inputs: OneText, *, output: Literal["splade"], **options: Unpack[EncodeOptions]
    ) -> SparseRow: ...
    @overload
    def encode_document(
        self, inputs: Any, *, output: Literal["splade"], **options: Unpack[EncodeOptions]
    ) -> SparseMatrix: ...
    @overload
    def encode_document(
        self, inputs: OneText, *, convert_to_tensor: bool = ..., **options: Unpack[TensorOptions]
    ) -> Tensor: ...
    @overload
    def encode_document(
        self, inputs: Any, *, convert_to_tensor: Literal[False], **options: Unpack[TensorOptions]
    ) -> list[Tensor]: ...
    @overload
    def encode_document(
        self,
        inputs: Any,
        *,
        convert_to_tensor: Literal[True] = ...,
        **options: Unpack[TensorOptions],
    ) -> Tensor: ...
    @overload
    def encode_document(self, inputs: Any, *arguments: Any, **options: Any) -> Any: ...
    @renamed(sentences="inputs")
    def encode_document(
        self,
        inputs: Any,
        prompt_name: str | None = None,
        prompt: str | None = None,
        batch_size: int = _DEFAULT_BATCH_SIZE,
        show_progress_bar: bool | None = None,
        convert_to_tensor: bool = True,
        convert_to_sparse_tensor: bool = True,
        save_to_cpu: bool = False,
        device: Any = None,
        max_active_dims: int | None = None,
        pool: EncoderPool | None = None,
        chunk_size: int | None = None,
        **kwargs: Any,
    ) -> Any:
        """Vectors of documents: the first of the prompts `document`, `passage` and `corpus`, and a
        router's route of the task `document`."""
        if prompt_name is None and prompt is None:
            names = ("document", "passage", "corpus")
            prompt_name = next((name for name in names if name in self.prompts), None)
        return self.encode(
            inputs=inputs,
            prompt_name=prompt_name,
            prompt=prompt,
            batch_size=batch_size,
            show_progress_bar=show_progress_bar,
            convert_to_tensor=convert_to_tensor,
            convert_to_sparse_tensor=convert_to_sparse_tensor,
            save_to_cpu=save_to_cpu,
            device=device,
            max_active_dims=max_active_dims,
            pool=pool,
            chunk_size=chunk_size,
            task="document",
            **kwargs,
        )

    @overload
    def encode(
        self, inputs: OneText, *, output: Literal["splade"], **options: Unpack[EncodeOptions]
    ) -> SparseRow: ...
    @overload
    def encode(
        self, inputs: Any, *, output: Literal["splade"], **options: Unpack[EncodeOptions]
    ) -> SparseMatrix: ...
    @overload
    def encode(
        self, inputs: OneText, *, convert_to_tensor: bool = ..., **options: Unpack[TensorOptions]
    ) -> Tensor: ...
    @overload
    def encode(
        self, inputs: Any, *, convert_to_tensor: Literal[False], **options: Unpack[TensorOptions]
    ) -> list[Tensor]: ...
    @overload
    def encode(
        self,
        inputs: Any,
        *,
        convert_to_tensor: Literal[True] = ...,
        **options: Unpack[TensorOptions],
    ) -> Tensor: ...
    @overload
    def encode(self, inputs: Any, *arguments: Any, **options: Any) -> Any: ...
    @renamed(sentences="inputs")
    def encode(
        self,
        inputs: Any,
        prompt_name: str | None = None,
        prompt: str | None = None,
        batch_size: int = _DEFAULT_BATCH_SIZE,
        show_progress_bar: bool | None = None,
        convert_to_tensor: bool = True,
        convert_to_sparse_tensor: bool = True,
        save_to_cpu: bool = False,
        device: Any = None,
        max_active_dims: int | None = None,
        pool: EncoderPool | None = None,
        chunk_size: int | None = None,
        *,
        output: Output = "torch",
        **kwargs: Any,
    ) -> Any:
        """Vectors of texts, in the order of the texts.

        `inputs` is a text, or a batch: a list, a column, an array of strings, an Arrow array. Two
        texts in a list or tuple inside a batch are a pair; `{"text": ...}` is what it holds.

        `output` is the form of the result: "torch" (sentence-transformers' tensors; COO, which
        needs 20 bytes a weight), "scipy" (CSR, 8 bytes a weight), "arrow" (lists) or "splade" (our
        own matrix, which converts to the others).

        A `batch_size` of 32 means that none was chosen; another number limits the texts of a
        forward pass. `processing_kwargs={"text": {"max_length": 64}}` sets another limit of tokens.
        """
        show = progress.is_wanted(show_progress_bar)
        _check_output(output, convert_to_tensor, convert_to_sparse_tensor)
        self._check_kwargs(kwargs)
        is_single = self.is_singular_input(inputs)
        groups = reading.groups([inputs] if is_single else inputs)
        n_texts = reading.n_texts(groups)
        limit = self.max_active_dims if max_active_dims is None else max_active_dims
        options = {
            "prompt": self._resolve_prompt(prompt, prompt_name) or "",
            "task": checks.text("task", kwargs.get("task")),
            "batch_size": checks.positive("batch_size", batch_size),
            "max_active_dims": checks.positive("max_active_dims", limit),
            "chunk_size": checks.positive("chunk_size", chunk_size),
            **settings.processing(kwargs.get("processing_kwargs")),
        }
        if pool is not None:
            check_pool(pool).check(self._native.folder)
        if batch_size == _DEFAULT_BATCH_SIZE:
            options["batch_size"] = None
        is_shared = pool is not None or (isinstance(device, list) and len(device) > 0)
        if device is not None and not is_shared:
            self.to(device)
        matrix = None
        if n_texts > 0:
            with self._worker(pool, device if is_shared else None) as worker:
                label = "Chunks" if is_shared else "Batches"
                with progress.bar(show, label, n_texts) as move:
                    matrix = _encoded(worker, groups, options, move)
        if output != "torch":
            return self._without_torch(matrix, is_single, output)
        to_device = None if save_to_cpu or is_shared else self._torch_target()
        return _tensors(
            matrix,
            is_single,
            stack=convert_to_tensor,
            sparse=convert_to_sparse_tensor,
            device=to_device,
        )

    def _worker(self, pool: EncoderPool | None, devices: list[Any] | None) -> Any:
        """Who encodes: a pool, devices that share one call, or the model."""
        self._check_process()
        if pool is not None:
            return nullcontext(pool.native)
        if devices is not None:
            return nullcontext(self.start_multi_process_pool(devices).native)
        return nullcontext(self._native)

    def _without_torch(self, matrix: SparseMatrix | None, is_single: bool, output: Output) -> Any:
        if matrix is None:
            matrix = self._native.encode([])
        if output == "scipy":
            return outputs.to_scipy(matrix)
        if output == "arrow":
            array = outputs.to_arrow(matrix)
            return array[0] if is_single else array
        return matrix[0] if is_single else matrix

    def _check_kwargs(self, kwargs: dict[str, Any]) -> None:
        """Refuses names that no module knows, in sentence-transformers' words."""
        known = self.get_model_kwargs()
        strangers = set(kwargs) - set(known) - {"task", "processing_kwargs"}
        if not strangers:
            if kwargs.get("modality") not in (None, "text"):
                raise ValueError(f"modality is {kwargs['modality']!r}: this model reads text")
            return
        name = type(self).__name__
        allowed = (
            f"the valid additional keyword arguments are: {known}."
            if known
            else "this model does not accept any additional keyword arguments."
        )
        raise ValueError(
            f"{name}.encode() has been called with additional keyword arguments that this model "
            f"does not use: {list(strangers)}. As per {name}.get_model_kwargs(), {allowed}"
        )

    def _resolve_prompt(self, prompt: str | None, prompt_name: str | None) -> str | None:
        """The text before each text: the prompt, else the named one, else the default one."""
        if checks.text("prompt", prompt) is not None:
            if checks.text("prompt_name", prompt_name) is not None:
                logger.warning(
                    "Provide either a `prompt`, a `prompt_name`, or neither, but not both. "
                    "Ignoring the `prompt_name` in favor of `prompt`."
                )
            return prompt
        if prompt_name is None:
            if self.default_prompt_name is None:
                return None
            prompt_name = self.default_prompt_name
            return checks.text(f"prompts[{prompt_name!r}]", self.prompts.get(prompt_name))
        if prompt_name not in self.prompts:
            raise ValueError(
                f"Prompt name '{prompt_name}' not found in the configured prompts dictionary with "
                f"keys {list(self.prompts)!r}."
            )
        return checks.text(f"prompts[{prompt_name!r}]", self.prompts[prompt_name])


def _encoded(
    worker: Any, groups: list[reading.Group], options: dict[str, Any], move: progress.Move | None
) -> SparseMatrix:
    """The vectors of all groups, in the order of the batch."""
    parts: list[SparseMatrix] = []
    n_done = 0
    for group in groups:
        parts.append(
            worker.encode(group.texts, group.second, options, progress.after(n_done, move))
        )
        n_done += len(group.texts)
    if groups[0].rows is None:
        return parts[0]
    return outputs.in_order(parts, [row for group in groups for row in group.rows or ()])


def _check_output(output: str, to_tensor: bool, to_sparse_tensor: bool) -> None:
    if output not in outputs.OUTPUTS:
        raise ValueError(f"output is {output!r}, expected one of {list(outputs.OUTPUTS)}")
    if output != "torch" and not (to_tensor and to_sparse_tensor):
        raise ValueError(
            "convert_to_tensor and convert_to_sparse_tensor choose among torch's forms: "
            f"they do not go with output={output!r}"
        )
    if output == "torch":
        torch()


def _tensors(
    matrix: SparseMatrix | None, is_single: bool, *, stack: bool, sparse: bool, device: Any
) -> Any:
    """The forms of sentence-transformers: one tensor, or a list of one tensor for each text."""
    result: Any
    if matrix is None:
        result = outputs.empty_torch(sparse=sparse) if stack else []
    elif is_single or not stack:
        result = outputs.torch_rows(matrix, sparse=sparse)
    else:
        result = outputs.to_torch(matrix, "coo" if sparse else "dense")
    if device is not None:
        move = [tensor.to(device) for tensor in result] if isinstance(result, list) else None
        result = result.to(device) if move is None else move
    return result[0] if is_single else result
