"""The client that was generated from text-embeddings-inference's OpenAPI document of 2023 (0.4). Run by run.py with the
Python of a venv of its own: `generated.py URL`."""

import sys

from expected import SUNNY, TEXTS, WEATHER, assert_dense
from text_embeddings_inference_client import Client
from text_embeddings_inference_client.api.text_embeddings_inference import (
    embed,
    get_model_info,
    health,
    metrics,
    openai_embed,
)
from text_embeddings_inference_client.models import EmbedRequest, ErrorResponse, OpenAICompatRequest
from text_embeddings_inference_client.models.error_type import ErrorType

client = Client(base_url=sys.argv[1])
for name in (WEATHER, SUNNY):
    for inputs in (TEXTS[name], [TEXTS[name]]):
        [vector] = embed.sync(client=client, json_body=EmbedRequest(inputs=inputs))
        assert_dense(vector, name)

long = EmbedRequest(inputs="a " * 600, truncate=False)
error = embed.sync(client=client, json_body=long)
assert isinstance(error, ErrorResponse) and error.error_type == ErrorType.VALIDATION, error

answer = openai_embed.sync(client=client, json_body=OpenAICompatRequest(input_=[TEXTS[WEATHER]]))
assert_dense(answer.data[0].embedding, WEATHER)

assert health.sync_detailed(client=client).status_code == 200
assert get_model_info.sync_detailed(client=client).status_code == 200
assert metrics.sync_detailed(client=client).status_code == 200
