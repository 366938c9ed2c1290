"""tei-client: a typed client that parses answers strictly."""

import asyncio

from expected import ROWS, STADIUM, SUNNY, TEXTS, WEATHER, assert_dense, is_close, similarity
from tei_client import HttpClient, ModelType
from tei_client.models import TruncationDirection

from checks import KEY, check


@check
def tei_client_info(url):
    client = HttpClient(url)
    assert client.health()
    info = client.info()
    assert info.server_model_type == ModelType.Embedding
    assert info.server_model_metadata.pooling == "splade"
    assert (info.server_model_id, info.max_input_length) == ("splade-tiny", 512), info
    assert asyncio.run(HttpClient(url).async_info()) == info


@check
def tei_client_prompt_names(url):
    # It asks for a prompt that cannot be, and reads the names in the message.
    assert sorted(HttpClient(url).prompt_names()) == ["document", "query"]


@check
def tei_client_tokens(url):
    client = HttpClient(url)
    names = [WEATHER, SUNNY, "emoji_zwj", "empty"]
    tokenized = client.tokenize([TEXTS[name] for name in names])
    for name, result in zip(names, tokenized, strict=True):
        assert result.get_ids() == ROWS[name]["input_ids"], name
        text = TEXTS[name].encode()
        for token in result.tokens:
            assert token.special == (token.start is None), token
            assert token.special or token.text == text[token.start : token.stop].decode(), token
    assert client.decode(tokenized[0].get_ids()) == ["the weather is lovely today."]
    assert client.decode([ROWS[name]["input_ids"] for name in (WEATHER, SUNNY)])[1] == "it's so sunny outside!"


@check
def tei_client_embed(url):
    client = HttpClient(url)
    names = [WEATHER, SUNNY]
    texts = [TEXTS[name] for name in names]
    for normalize in (True, False):
        answers = [client.embed(texts, normalize=normalize)]
        answers.append(asyncio.run(HttpClient(url).async_embed(texts, normalize=normalize)))
        for vectors in answers:
            for name, vector in zip(names, vectors, strict=True):
                assert_dense(vector, name, normalized=normalize)
    ids = [ROWS[name]["input_ids"] for name in names]
    for name, vector in zip(names, client.embed(ids, normalize=False), strict=True):
        assert_dense(vector, name)


@check
def tei_client_truncates_on_either_side(url):
    client = HttpClient(url)
    # 510 tokens are left between the special ones, wherever the text begins.
    kept = " ".join(["river"] * 510)
    [expected] = client.embed(kept, normalize=False)
    for text, direction in [
        (f"{kept} stadium", TruncationDirection.Right),
        (f"stadium {kept}", TruncationDirection.Left),
    ]:
        [vector] = client.embed(text, normalize=False, truncate=True, truncation_direction=direction)
        assert all(is_close(a, b) for a, b in zip(vector, expected, strict=True)), direction
    answer = client.embed(f"{kept} stadium", truncate=False)
    assert answer["error_type"] == "Validation", answer


@check
def tei_client_rerank(url, keyed_url):
    for client in (HttpClient(url), HttpClient(keyed_url, headers={"Authorization": f"Bearer {KEY}"})):
        # The client reranks only with classifiers, and asks /info which kind the model is.
        client._ModelTypeMixin__model_type = ModelType.Reranker
        texts = [TEXTS[STADIUM], TEXTS[SUNNY]]
        ranks = client.rerank(TEXTS[WEATHER], texts, return_text=True).ranks
        assert [rank.index for rank in ranks] == [1, 0]
        assert [rank.text for rank in ranks] == [TEXTS[SUNNY], TEXTS[STADIUM]]
        assert is_close(ranks[0].score, similarity("dot", WEATHER, SUNNY)), ranks
