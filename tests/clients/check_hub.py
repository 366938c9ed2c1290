"""huggingface_hub's InferenceClient, which posts to the very URL that it is given."""

import asyncio

from expected import STADIUM, SUNNY, TEXTS, WEATHER, assert_dense, is_close, similarity
from huggingface_hub import AsyncInferenceClient, InferenceClient

from checks import KEY, check


@check
def hub_feature_extraction(url, keyed_url):
    for client in (InferenceClient(f"{url}/embed"), InferenceClient(f"{keyed_url}/embed", token=KEY)):
        [vector] = client.feature_extraction(TEXTS[WEATHER])
        assert_dense(vector, WEATHER)
    client = InferenceClient(f"{url}/embed")
    [normalized] = client.feature_extraction(TEXTS[SUNNY], normalize=True, truncate=True, truncation_direction="left")
    assert_dense(normalized, SUNNY, normalized=True)
    for name, vector in zip(
        [WEATHER, SUNNY], client.feature_extraction([TEXTS[WEATHER], TEXTS[SUNNY]]), strict=True
    ):
        assert_dense(vector, name)

    async def ask():
        async with AsyncInferenceClient(f"{url}/embed") as client:
            return await client.feature_extraction(TEXTS[WEATHER])

    assert_dense(asyncio.run(ask())[0], WEATHER)


@check
def hub_sentence_similarity(url):
    scores = InferenceClient(f"{url}/similarity").sentence_similarity(
        TEXTS[WEATHER], [TEXTS[SUNNY], TEXTS[STADIUM]]
    )
    for score, other in zip(scores, [SUNNY, STADIUM], strict=True):
        assert is_close(score, similarity("cosine", WEATHER, other)), scores
