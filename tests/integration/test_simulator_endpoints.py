"""Embeddings, token counts, Azure's paths and refusals of the simulator, with the official SDKs over real HTTP."""

import json
from collections.abc import Iterator
from typing import Any

import anthropic
import httpx2
import openai
import pytest

from tests.support.simulated import anthropic_tools
from tests.support.simulator import Simulator, running_simulator

USER: Any = [{"role": "user", "content": "What is the capital of France?"}]
CHAT = {"model": "sim-small@tokens=2", "messages": USER}
DEPLOYMENT = "/openai/deployments/sim-small@tokens=2/chat/completions"


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with running_simulator() as running:
        yield running


@pytest.fixture(scope="module")
def gpt(simulator: Simulator) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{simulator.url}/v1", api_key="none", max_retries=0) as client:
        yield client


@pytest.fixture(scope="module")
def claude(simulator: Simulator) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=simulator.url, api_key="none", max_retries=0) as client:
        yield client


def post(simulator: Simulator, path: str, body: dict[str, Any] = CHAT, **headers: str) -> httpx2.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx2.post(f"{simulator.url}{path}", json=body, headers=named)


def test_embeddings_read_alike_as_floats_and_as_base64(gpt: openai.OpenAI):
    # The SDK asks for base64 by itself and decodes it.
    packed = gpt.embeddings.create(model="sim-embedding", input=["Hello", "Bye", "Hello"])
    plain = gpt.embeddings.create(model="sim-embedding", input="Hello", encoding_format="float")
    assert packed.data[0].embedding == packed.data[2].embedding == plain.data[0].embedding
    assert packed.data[1].embedding != plain.data[0].embedding
    assert (len(plain.data[0].embedding), packed.usage.total_tokens) == (1536, 3)


EMBEDDING_FAULTS = [
    ("sim-error-400", openai.BadRequestError),
    ("sim-error-429", openai.RateLimitError),
    ("sim-flaky", openai.InternalServerError),
    ("sim-cut-stream", openai.APIConnectionError),
    ("sim-bad-json", json.JSONDecodeError),
    ("sim-context-window@window=1", openai.BadRequestError),
]


@pytest.mark.parametrize(("model", "error"), EMBEDDING_FAULTS)
def test_a_fault_in_the_models_name_strikes_embeddings_too(gpt: openai.OpenAI, model: str, error: type[Exception]):
    with pytest.raises(error):
        gpt.embeddings.create(model=model, input="Hello, world")


def test_a_token_count_is_that_of_the_same_requests_usage(simulator: Simulator, claude: anthropic.Anthropic):
    simulator.reset()
    body: Any = {"model": "sim-small", "messages": USER, "system": "Be brief.", "tools": anthropic_tools("get_weather")}
    counted = claude.messages.count_tokens(**body, extra_headers={"Idempotency-Key": "one"}).input_tokens
    assert counted == claude.messages.create(**body, max_tokens=9).usage.input_tokens
    stats = simulator.stats()
    assert stats["by_path"] == {"/v1/messages/count_tokens": 1, "/v1/messages": 1}
    assert stats["by_idempotency_key"]["one"] == 1
    assert stats["completed"] == 2


def test_azures_client_reaches_a_deployment(simulator: Simulator):
    with openai.AzureOpenAI(azure_endpoint=simulator.url, api_key="key", api_version="2024-10-21") as azure:
        said = azure.chat.completions.create(**CHAT)
        assert (said.choices[0].message.content, said.model) == ("Echo:", "sim-small@tokens=2")
        assert len(list(azure.chat.completions.create(**CHAT, stream=True))) == 4
        assert len(azure.embeddings.create(model="sim-embedding", input="Hi", dimensions=3).data[0].embedding) == 3


def test_a_deployment_is_the_model_where_the_body_names_none(simulator: Simulator):
    simulator.reset()
    answer = post(simulator, f"{DEPLOYMENT}?api-version=2024-10-21", {"messages": USER}, api_key="key").json()
    assert answer["model"] == "sim-small@tokens=2"
    assert simulator.stats()["by_path"] == {DEPLOYMENT: 1}


def test_azure_refuses_a_call_without_its_version_or_its_key(simulator: Simulator):
    simulator.reset()
    unversioned = post(simulator, DEPLOYMENT, api_key="key")
    assert (unversioned.status_code, unversioned.json()["error"]) == (
        404, {"code": "404", "message": "Resource not found"},
    )  # fmt: skip
    for headers in ({}, {"authorization": "Bearer key"}):
        unknown = post(simulator, f"{DEPLOYMENT}?api-version=2024-10-21", **headers)
        assert (unknown.status_code, unknown.json()["error"]["code"]) == (401, "401")
    assert post(simulator, "/openai/v1/chat/completions").status_code == 401
    assert simulator.stats()["calls"] == 0


def test_azures_v1_api_takes_either_kind_of_key(simulator: Simulator):
    with openai.OpenAI(base_url=f"{simulator.url}/openai/v1", api_key="key", max_retries=0) as client:
        assert client.chat.completions.create(**CHAT).choices[0].message.content == "Echo:"
        assert client.embeddings.create(model="sim-embedding", input="Hi").data
    assert post(simulator, "/openai/v1/chat/completions", api_key="key").status_code == 200


def test_a_prompt_that_is_too_long_is_refused_in_each_apis_words(gpt: openai.OpenAI, claude: anthropic.Anthropic):
    with pytest.raises(openai.BadRequestError) as one:
        gpt.chat.completions.create(model="sim-context-window@window=9", messages=USER)
    assert (one.value.code, one.value.param) == ("context_length_exceeded", "messages")
    assert "maximum context length is 9 tokens. However, your messages resulted in 10 tokens." in one.value.message
    with pytest.raises(anthropic.BadRequestError, match="prompt is too long: 10 tokens > 9 maximum"):
        claude.messages.create(model="sim-context-window@window=9", messages=USER, max_tokens=9)
    assert gpt.chat.completions.create(model="sim-context-window@window=10", messages=USER).choices


def test_an_error_says_when_to_come_back(gpt: openai.OpenAI, claude: anthropic.Anthropic):
    with pytest.raises(openai.RateLimitError) as one:
        gpt.chat.completions.create(model="sim-error-429@retry=0.25", messages=USER)
    assert one.value.response.headers["retry-after"] == "0.25"
    with pytest.raises(anthropic.InternalServerError) as two:
        claude.messages.create(model="sim-error-500@retry=7", messages=USER, max_tokens=9)
    assert two.value.response.headers["retry-after"] == "7"


def test_a_schema_that_nothing_is_valid_for_is_refused(simulator: Simulator):
    asked = {"role": "user", "content": "ask"}
    tool = {
        "type": "function",
        "function": {"name": "ask", "parameters": {"required": ["a"], "additionalProperties": False}},
    }
    refused = post(simulator, "/v1/chat/completions", {"model": "sim-small", "messages": [asked], "tools": [tool]})
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "tools[0].function.parameters")
