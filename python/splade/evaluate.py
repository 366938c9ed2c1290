"""Measures of retrieval without torch, with the keys of sentence-transformers' evaluator."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from splade._splade import measure
from splade.similarity import SimilarityFunction

if TYPE_CHECKING:
    from splade.encoder import SparseEncoder


def information_retrieval(
    model: SparseEncoder,
    queries: Mapping[str, str],
    corpus: Mapping[str, str],
    relevant_docs: Mapping[str, Iterable[str] | Mapping[str, int]],
    *,
    name: str = "",
    batch_size: int = 32,
    show_progress_bar: bool = False,
    max_active_dims: int | None = None,
    similarity_fn_name: SimilarityFunction | str | None = None,
) -> dict[str, float]:
    """What `SparseInformationRetrievalEvaluator` measures with its defaults.

    Queries without a relevant document are left out. Keys are `NAME_dot_ndcg@10`, and the sparsity
    of queries and corpus as `NAME_query_active_dims`.
    """
    judgements = {query: _grades(query, documents) for query, documents in relevant_docs.items()}
    judged = [query for query in queries if any(judgements.get(query, {}).values())]
    options: dict[str, Any] = {
        "batch_size": batch_size,
        "show_progress_bar": show_progress_bar,
        "max_active_dims": max_active_dims,
        "output": "splade",
    }
    documents = list(corpus)
    if isinstance(similarity_fn_name, SimilarityFunction):
        similarity_fn_name = similarity_fn_name.value
    function = similarity_fn_name or model.similarity_fn_name
    values = measure(
        (judged, model.encode_query([queries[query] for query in judged], **options)),
        (documents, model.encode_document([corpus[document] for document in documents], **options)),
        {query: judgements[query] for query in judged},
        similarity=function,
    )
    prefix = f"{name}_" if name else ""
    is_measure = {key: "@" in key for key in values}
    return {
        f"{prefix}{function}_{key}" if is_measure[key] else f"{prefix}{key}": value
        for key, value in values.items()
    }


def _grades(query: str, documents: Iterable[str] | Mapping[str, int]) -> dict[str, int]:
    if isinstance(documents, str):
        raise TypeError(
            f"relevant_docs[{query!r}] is the string {documents!r}: give a set of ids, or a "
            "mapping of ids to grades"
        )
    if isinstance(documents, Mapping):
        return dict(documents)
    return dict.fromkeys(documents, 1)
