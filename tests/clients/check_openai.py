"""OpenAI's client, which asks for base64 unless it is told otherwise."""

import asyncio

import openai
from expected import ROWS, SUNNY, TEXTS, WEATHER, assert_dense

from checks import KEY, check


@check
def openai_embeddings(url, keyed_url):
    for address in (url, keyed_url):
        client = openai.OpenAI(base_url=f"{address}/v1", api_key=KEY)
        for encoding in (openai.omit, "float", "base64"):
            names = [WEATHER, SUNNY]
            answer = client.embeddings.create(
                model="splade-tiny", input=[TEXTS[name] for name in names], encoding_format=encoding
            )
            assert answer.model == "splade-tiny" and answer.object == "list"
            assert [item.index for item in answer.data] == [0, 1]
            n_tokens = sum(ROWS[name]["n_tokens"] for name in names)
            assert answer.usage.prompt_tokens == answer.usage.total_tokens == n_tokens
            if encoding == "base64":
                assert all(isinstance(item.embedding, str) for item in answer.data)
                continue
            for name, item in zip(names, answer.data, strict=True):
                assert_dense(item.embedding, name)


@check
def openai_token_ids(url):
    client = openai.OpenAI(base_url=f"{url}/v1", api_key="none")
    ids = ROWS[WEATHER]["input_ids"]
    for given in (ids, [ids]):
        answer = client.embeddings.create(model="splade-tiny", input=given)
        assert_dense(answer.data[0].embedding, WEATHER)


@check
def openai_async(url):
    async def ask():
        async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none") as client:
            asked = [client.embeddings.create(model="any", input=TEXTS[WEATHER]) for _ in range(8)]
            return await asyncio.gather(*asked)

    for answer in asyncio.run(ask()):
        assert_dense(answer.data[0].embedding, WEATHER)


@check
def openai_errors(url, keyed_url):
    client = openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0)
    for arguments, kind, message in [
        ({"input": []}, openai.BadRequestError, "cannot be empty"),
        ({"input": "a", "dimensions": 256}, openai.UnprocessableEntityError, "dimensions"),
    ]:
        try:
            client.embeddings.create(model="any", **arguments)
        except kind as error:
            assert message in error.message and error.body["code"] == error.status_code, error
            assert error.type == error.body["type"] and error.type is not None, error.body
        else:
            raise AssertionError(f"{arguments} is answered")
    try:
        openai.OpenAI(base_url=f"{keyed_url}/v1", api_key="wrong", max_retries=0).embeddings.create(
            model="any", input="a"
        )
    except openai.AuthenticationError as error:
        assert "key" in str(error), error
    else:
        raise AssertionError("a wrong key is let in")
