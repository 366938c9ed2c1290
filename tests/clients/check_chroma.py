"""Chroma's SPLADE function (chromadb), pointed here by CHROMA_EMBED_URL."""

import os

from chromadb.utils.embedding_functions import chroma_cloud_splade_embedding_function as splade
from expected import TEXTS, WEATHER, assert_vector, words

from checks import KEY, check


def embedder(url, **arguments):
    os.environ["CHROMA_EMBED_URL"] = url
    os.environ["CHROMA_API_KEY"] = KEY
    return splade.ChromaCloudSpladeEmbeddingFunction(**arguments)


@check
def chroma_vectors(url, keyed_url):
    for address in (url, keyed_url):
        vectors = embedder(address)(list(TEXTS.values()))
        for name, vector in zip(TEXTS, vectors, strict=True):
            assert_vector(dict(zip(vector.indices, vector.values, strict=True)), name)
            assert vector.labels is None, vector.labels


@check
def chroma_labels(url):
    [vector] = embedder(url, include_tokens=True)([TEXTS[WEATHER]])
    found = dict(zip(vector.labels, vector.values, strict=True))
    for token, weight in words(WEATHER).items():
        assert abs(found[token] - weight) < 1e-4, token
