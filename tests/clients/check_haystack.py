"""Haystack (huggingface-api-haystack): sparse and dense embedders, and the ranker."""

import asyncio

from expected import STADIUM, SUNNY, TEXTS, WEATHER, assert_dense, assert_vector, is_close, similarity
from haystack import Document
from haystack.utils import Secret
from haystack_integrations.components.embedders.huggingface_api import (
    HuggingFaceAPIDocumentEmbedder,
    HuggingFaceAPITextEmbedder,
    HuggingFaceTEISparseDocumentEmbedder,
    HuggingFaceTEISparseTextEmbedder,
)
from haystack_integrations.components.rankers.huggingface_api import HuggingFaceTEIRanker

from checks import KEY, check


def weights(sparse_embedding):
    return dict(zip(sparse_embedding.indices, sparse_embedding.values, strict=True))


@check
def haystack_sparse_text(url):
    embedder = HuggingFaceTEISparseTextEmbedder(api_base_url=url, token=None)
    for name, text in TEXTS.items():
        assert_vector(weights(embedder.run(text)["sparse_embedding"]), name)


@check
def haystack_sparse_documents(url):
    embedder = HuggingFaceTEISparseDocumentEmbedder(
        api_base_url=url, token=None, batch_size=3, concurrency_limit=8, progress_bar=False
    )
    names = [*TEXTS, *TEXTS]
    documents = [Document(content=TEXTS[name], id=f"{i}") for i, name in enumerate(names)]
    # A Document without content is sent as an empty string.
    documents.append(Document(content=None, id="none"))
    names.append("empty")
    for result in (embedder.run(documents), asyncio.run(embedder.run_async(documents))):
        assert [document.id for document in result["documents"]] == [document.id for document in documents]
        for name, document in zip(names, result["documents"], strict=True):
            assert_vector(weights(document.sparse_embedding), name)


@check
def haystack_sends_its_key(url, keyed_url):
    right = HuggingFaceTEISparseTextEmbedder(api_base_url=keyed_url, token=Secret.from_token(KEY))
    assert_vector(weights(right.run(TEXTS[WEATHER])["sparse_embedding"]), WEATHER)
    wrong = HuggingFaceTEISparseTextEmbedder(api_base_url=keyed_url, token=Secret.from_token("another"))
    try:
        wrong.run(TEXTS[WEATHER])
    except Exception as error:
        assert "401" in str(error), error
    else:
        raise AssertionError("a wrong key is let in")


@check
def haystack_dense(url):
    arguments = {"api_type": "text_embeddings_inference", "api_params": {"url": f"{url}/embed"}, "token": None}
    assert_dense(HuggingFaceAPITextEmbedder(**arguments).run(TEXTS[WEATHER])["embedding"], WEATHER)
    embedder = HuggingFaceAPIDocumentEmbedder(**arguments, progress_bar=False)
    documents = embedder.run([Document(content=TEXTS[SUNNY])])["documents"]
    assert_dense(documents[0].embedding, SUNNY)


@check
def haystack_ranker(url):
    ranker = HuggingFaceTEIRanker(url=url, token=None)
    documents = [Document(content=TEXTS[STADIUM]), Document(content=TEXTS[SUNNY])]
    ranked = ranker.run(query=TEXTS[WEATHER], documents=documents)["documents"]
    assert [document.content for document in ranked] == [TEXTS[SUNNY], TEXTS[STADIUM]]
    assert is_close(ranked[0].score, similarity("dot", WEATHER, SUNNY)), ranked[0].score
