"""LlamaIndex's embedding and rerank packages for text-embeddings-inference."""

import asyncio

from expected import STADIUM, SUNNY, TEXTS, WEATHER, assert_dense, is_close, similarity
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode
from llama_index.embeddings.text_embeddings_inference import TextEmbeddingsInference
from llama_index.postprocessor.tei_rerank import TextEmbeddingInference

from checks import KEY, check


@check
def llama_index_embeddings(url, keyed_url):
    for address, key in ((url, None), (keyed_url, KEY)):
        embedder = TextEmbeddingsInference(model_name="splade-tiny", base_url=address, auth_token=key)
        assert_dense(embedder.get_query_embedding(TEXTS[WEATHER]), WEATHER)
    names = [name for name in TEXTS][:25]
    vectors = embedder.get_text_embedding_batch([TEXTS[name] for name in names])
    for name, vector in zip(names, vectors, strict=True):
        assert_dense(vector, name)
    assert_dense(asyncio.run(embedder.aget_text_embedding(TEXTS[SUNNY])), SUNNY)


@check
def llama_index_rerank(url, keyed_url):
    # Its token is the whole header.
    for address, token in ((url, None), (keyed_url, f"Bearer {KEY}")):
        reranker = TextEmbeddingInference(base_url=address, auth_token=token)
        nodes = [NodeWithScore(node=TextNode(text=TEXTS[name]), score=0.5) for name in (STADIUM, SUNNY)]
        ranked = reranker.postprocess_nodes(nodes, query_bundle=QueryBundle(TEXTS[WEATHER]))
        assert [node.node.text for node in ranked] == [TEXTS[SUNNY], TEXTS[STADIUM]]
        assert is_close(ranked[0].score, similarity("dot", WEATHER, SUNNY)), ranked
