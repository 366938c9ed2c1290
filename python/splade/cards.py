"""What evaluators and other programs read and write on a model's card."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

# How cards are opened: a text of somebody else's goes through unchanged, in whichever encoding.
TEXT: dict[str, Any] = {"encoding": "utf-8", "errors": "surrogateescape", "newline": ""}


@dataclass
class ModelCardData:
    """A model's card: its names, and the metrics that evaluators report."""

    model_name: str | None = None
    model_id: str | None = None
    base_model: str | None = None
    base_model_revision: str | None = None
    language: Any = None
    license: str | None = None
    tags: list[str] = field(
        default_factory=lambda: ["sentence-transformers", "sparse-encoder", "sparse", "splade"]
    )
    eval_results: list[dict[str, Any]] = field(default_factory=list)

    def set_evaluation_metrics(
        self, evaluator: Any, metrics: dict[str, Any], epoch: int = 0, step: int = 0
    ) -> None:
        """Keeps the metrics of an evaluator."""
        name = getattr(evaluator, "name", None) or type(evaluator).__name__
        kept = {"evaluator": name, "epoch": epoch, "step": step, "metrics": dict(metrics)}
        self.eval_results.append(kept)

    def text(self, model_name: str | None, datasets: list[str] | None) -> str:
        """A README.md of our own."""
        name = model_name or self.model_name or self.model_id or "SparseEncoder"
        lines = ["---", "library_name: sentence-transformers", "pipeline_tag: feature-extraction"]
        if self.license is not None:
            lines.append(f"license: {self.license}")
        if self.base_model is not None:
            lines.append(f"base_model: {self.base_model}")
        lines += ["tags:", *(f"- {tag}" for tag in self.tags)]
        if datasets:
            lines += ["datasets:", *(f"- {dataset}" for dataset in datasets)]
        lines += ["---", "", f"# {name}", "", "A sparse encoder, saved by splade.", ""]
        return self.with_metrics("\n".join(lines))

    def with_metrics(self, text: str) -> str:
        """A README.md with those of our metrics that it lacks at its end."""
        for result in self.eval_results:
            lines = [f"## {result['evaluator']}", "", "| Metric | Value |", "|---|---|"]
            lines += [f"| {metric} | {value} |" for metric, value in result["metrics"].items()]
            section = "\n".join([*lines, ""])
            if section not in text:
                text = f"{text.rstrip()}\n\n{section}"
        return text
