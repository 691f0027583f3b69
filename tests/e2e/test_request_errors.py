"""What is wrong with a request is told before a provider is asked: status, code and the offending field."""

import json
import time
from collections.abc import Iterator
from typing import Any

import httpx2
import openai
import pytest
from openai import OpenAI

from tests.e2e.running import Penstock
from tests.e2e.waiting import until

USER = [{"role": "user", "content": "Hello"}]


@pytest.fixture(autouse=True)
def _it_still_answers(penstock: Penstock, question: str) -> Iterator[None]:
    """After each of these, the platform does its work and no stage holds on to a message."""
    yield
    with penstock.client() as client:
        assert client.chat.completions.create(model="sim-small", messages=[{"role": "user", "content": question}])


def send(client: OpenAI, body: bytes, **headers: str) -> None:
    client.post("/chat/completions", cast_to=object, content=body, options={"headers": headers})


def ask(client: OpenAI, **fields: Any) -> None:
    """A request that the SDK's own types would not let through."""
    send(client, json.dumps({"model": "sim-small", "messages": USER} | fields).encode())


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"{", id="half an object"),
        pytest.param(b"model=sim-small", id="a form"),
        pytest.param(b'{"model":"sim-small","messages":[{"role":"user","content":"\xff\xfe"}]}', id="bad UTF-8"),
        pytest.param(b'{"model":"sim-small","messages":[{"role":"user","content":"\\ud800"}]}', id="half a surrogate"),
        pytest.param(b'{"model":"sim-small","messages":[],"seed":NaN}', id="NaN"),
        pytest.param(b"[" * 100_000, id="100,000 brackets"),
        pytest.param(b'{"model":"sim-small","messages":' + b"[" * 500 + b"]" * 500 + b"}", id="500 lists deep"),
        pytest.param(b'[{"model":"sim-small"}]', id="a list"),
        pytest.param(b'"hello"', id="a string"),
        pytest.param(b"null", id="null"),
    ],
)
def test_a_body_that_is_no_json_object_is_a_bad_request(client: OpenAI, body: bytes) -> None:
    with pytest.raises(openai.BadRequestError) as raised:
        send(client, body)
    assert raised.value.status_code == 400
    assert raised.value.type == "invalid_request_error"
    assert raised.value.code is None
    assert "Traceback" not in raised.value.message


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"model": None}, "model"),
        ({"model": 5}, "model"),
        ({"model": ""}, "model"),
        ({"model": "m" * 257}, "model"),
        ({"model": "sim-small "}, "model"),
        ({"model": "sim-small\r\nce-tenant: other"}, "model"),
        ({"model": "sim-\u0000"}, "model"),
        ({"messages": None}, "messages"),
        ({"messages": "Hello"}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": ["Hello"]}, "messages[0]"),
        ({"messages": [{"content": "Hello"}]}, "messages[0].role"),
        ({"messages": [*USER, {"role": "wizard", "content": "Hello"}]}, "messages[1].role"),
        ({"messages": [{"role": "user"}]}, "messages[0]"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [{"text": "x"}]}]}, "messages[0].content[0].type"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages[0].content[0]"),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": 5}]}]}, "messages[0].content[0]"),
        ({"n": 0}, "n"),
        ({"n": "2"}, "n"),
        ({"temperature": "hot"}, "temperature"),
        ({"temperature": 3}, "temperature"),
        ({"max_tokens": -1}, "max_tokens"),
        ({"stream_options": []}, "stream_options"),
        ({"tools": "all"}, "tools"),
    ],
)
def test_a_wrong_field_is_named(client: OpenAI, fields: dict[str, Any], param: str, stream: bool) -> None:
    with pytest.raises(openai.BadRequestError) as raised:
        ask(client, **fields, stream=stream)
    assert raised.value.status_code == 400
    assert raised.value.param == param
    assert raised.value.code is None
    assert param in raised.value.message


def test_a_missing_field_is_named(client: OpenAI) -> None:
    for left_out, body in (("model", {"messages": USER}), ("messages", {"model": "sim-small"})):
        with pytest.raises(openai.BadRequestError) as raised:
            send(client, json.dumps(body).encode())
        assert raised.value.param == left_out


def test_a_stream_that_is_neither_true_nor_false_is_named(client: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as raised:
        ask(client, stream="yes")
    assert raised.value.param == "stream"


@pytest.mark.parametrize("timeout", ["soon", "", "0", "-1", "nan", "inf"])
def test_a_timeout_that_is_none_is_named(client: OpenAI, timeout: str) -> None:
    with pytest.raises(openai.BadRequestError) as raised:
        send(client, json.dumps({"model": "sim-small", "messages": USER}).encode(), **{"x-penstock-timeout": timeout})
    assert raised.value.param == "x-penstock-timeout"


@pytest.mark.parametrize("model", ["gpt-of-nobody", "sim", "größe", "模型/🙂"])
@pytest.mark.parametrize("stream", [False, True])
def test_a_model_that_nobody_has_is_not_found(client: OpenAI, model: str, stream: bool) -> None:
    with pytest.raises(openai.NotFoundError) as raised:
        ask(client, model=model, stream=stream)
    assert raised.value.status_code == 404
    assert raised.value.code == "model_not_found"
    assert raised.value.param == "model"


def test_a_model_of_that_name_is_not_found_either(client: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as raised:
        client.models.retrieve("gpt-of-nobody")
    assert raised.value.code == "model_not_found"


def test_a_path_that_is_not_there_is_not_found(client: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as raised:
        client.post("/no/such/path", cast_to=object, body={})
    assert raised.value.status_code == 404
    assert raised.value.code == "not_found"


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
def test_another_method_is_not_allowed(client: OpenAI, method: str) -> None:
    with pytest.raises(openai.APIStatusError) as raised:
        getattr(client, method)("/chat/completions", cast_to=object)
    assert raised.value.status_code == 405
    assert raised.value.code == "method_not_allowed"
    assert raised.value.response.headers["allow"] == "POST"


def test_only_what_can_be_got_has_a_head(penstock: Penstock) -> None:
    statuses = {path: httpx2.head(penstock.api + path).status_code for path in ("/healthz", "/v1/chat/completions")}
    assert statuses == {"/healthz": 200, "/v1/chat/completions": 405}


@pytest.mark.parametrize("path", ["/", "/v2/models", "/v1/chat/completions/", "//v1/models", "/v1/%0d%0a", "/%ff%00"])
def test_whatever_the_path_the_answer_is_an_error_object(penstock: Penstock, path: str) -> None:
    answer = penstock.get(path)
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "not_found"
    assert answer.headers["x-request-id"]


def test_twenty_megabytes_are_too_large(client: OpenAI) -> None:
    began = time.monotonic()
    with pytest.raises(openai.APIStatusError) as raised:
        ask(client, messages=[{"role": "user", "content": "x" * 20_000_000}])
    assert raised.value.status_code == 413
    assert raised.value.code == "request_too_large"
    assert time.monotonic() - began < 5


def test_twenty_megabytes_in_chunks_of_unknown_number_are_too_large(client: OpenAI) -> None:
    def body() -> Iterator[bytes]:
        yield b'{"model":"sim-small","messages":[{"role":"user","content":"'
        for _ in range(200):
            yield b"x" * 100_000
        yield b'"}]}'

    with pytest.raises(openai.APIStatusError) as raised:
        client.post("/chat/completions", cast_to=object, content=body())
    assert raised.value.response.request.headers.get("content-length") is None
    assert raised.value.status_code == 413
    assert raised.value.code == "request_too_large"


def test_nothing_is_left_in_hand(penstock: Penstock, client: OpenAI) -> None:
    """None of the above may be stuck in a queue, or go round in it."""
    with pytest.raises(openai.BadRequestError):
        ask(client, messages=[])

    def settled() -> bool:
        text = penstock.get("/metrics").text
        lines = [line for line in text.splitlines() if line.startswith("penstock_queue_messages{")]
        return bool(lines) and all(line.endswith(" 0.0") for line in lines)

    until(settled, "no message waiting or in hand")
    assert 'status="500"' not in penstock.get("/metrics").text
