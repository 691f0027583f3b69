"""Limits as callers of a running platform meet them: headers, 429, and what the official SDKs make of them."""

import json
import uuid
from datetime import UTC, datetime
from typing import Any

import openai
import pytest
from anthropic import Anthropic

from tests.e2e.running import Penstock
from tests.e2e.waiting import until
from tests.support.simulator import MODEL

HELLO: Any = [{"role": "user", "content": "Hello"}]


@pytest.fixture
def team(penstock: Penstock) -> tuple[str, str]:
    """A tenant that no other test has, and its key."""
    tenant = f"limited-{uuid.uuid4().hex[:8]}"
    return tenant, penstock.create_key(tenant)


def limit(penstock: Penstock, tenant: str, *options: str) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(penstock.run("limit", "set", "tenant", tenant, *options, "--json").stdout)
    return made


def test_openai_clients_are_told_of_their_room_on_answers_streams_and_refusals(
    penstock: Penstock, team: tuple[str, str]
) -> None:
    tenant, key = team
    limit(penstock, tenant, "--requests", "3", "--tokens", "100000")
    with penstock.client(key) as client:
        whole = client.chat.completions.with_raw_response.create(model=MODEL, messages=HELLO, max_tokens=50)
        assert whole.headers["x-ratelimit-limit-requests"] == "3"
        assert whole.headers["x-ratelimit-remaining-requests"] == "2"
        assert whole.headers["x-ratelimit-reset-requests"].startswith("1m")
        assert whole.headers["x-ratelimit-limit-tokens"] == "100000"
        assert 99_900 < int(whole.headers["x-ratelimit-remaining-tokens"]) < 100_000
        with client.chat.completions.with_streaming_response.create(
            model=MODEL, messages=HELLO, stream=True, extra_headers={"cache-control": "no-cache"}
        ) as stream:
            assert stream.headers["x-ratelimit-remaining-requests"] == "1"
            assert "[DONE]" in "".join(stream.iter_text())
        answer = client.embeddings.with_raw_response.create(model=MODEL, input="Hello")
        assert answer.headers["x-ratelimit-remaining-requests"] == "0"
        with pytest.raises(openai.RateLimitError) as raised:
            client.chat.completions.create(model=MODEL, messages=HELLO)
    error = raised.value
    assert (error.code, error.type) == ("rate_limit_exceeded", "rate_limit_error")
    assert "this tenant's limit of 3 requests a minute is reached: try again in" in error.message
    assert 55 <= int(error.response.headers["retry-after"]) <= 65
    assert error.response.headers["x-ratelimit-remaining-requests"] == "0"


def test_anthropic_clients_are_told_in_anthropics_words(penstock: Penstock, team: tuple[str, str]) -> None:
    tenant, key = team
    limit(penstock, tenant, "--requests", "1", "--tokens", "500")
    with Anthropic(base_url=penstock.api, api_key=key, max_retries=0) as client:
        told = client.messages.with_raw_response.create(model="sim-claude-small", messages=HELLO, max_tokens=100)
        assert told.headers["anthropic-ratelimit-requests-limit"] == "1"
        assert told.headers["anthropic-ratelimit-requests-remaining"] == "0"
        reset = datetime.fromisoformat(told.headers["anthropic-ratelimit-requests-reset"])
        assert 50 < (reset - datetime.now(UTC)).total_seconds() <= 65
        assert told.headers["anthropic-ratelimit-tokens-limit"] == "500"
        refused = client.messages.with_raw_response
        with pytest.raises(Exception, match="requests a minute") as raised:
            refused.create(model="sim-claude-small", messages=HELLO, max_tokens=100)
    body: Any = raised.value
    assert body.status_code == 429
    assert body.body["error"]["type"] == "rate_limit_error"
    assert body.response.headers["anthropic-ratelimit-requests-remaining"] == "0"


def test_an_sdk_that_tries_again_passes_as_soon_as_there_is_room(penstock: Penstock, team: tuple[str, str]) -> None:
    tenant, key = team
    limit(penstock, tenant, "--concurrent", "1")
    slow = {"model": "sim-small@tps=20,tokens=50", "messages": HELLO}
    with (
        penstock.client(key) as client,
        client.chat.completions.with_streaming_response.create(**slow, stream=True) as stream,
    ):
        patient = client.with_options(max_retries=5)
        passed = patient.chat.completions.with_raw_response.create(model=MODEL, messages=HELLO)
        assert int(passed.http_request.headers["x-stainless-retry-count"]) > 0
        assert "[DONE]" in "".join(stream.iter_text())

    def none_is_open() -> bool:
        query = "SELECT count(*) AS rows FROM open_requests WHERE tenant_id = %s AND open"
        return bool(penstock.sql(query, tenant)[0]["rows"] == 0)

    until(none_is_open, "all to be given back")


def test_a_limit_is_shown_listed_and_deleted_and_counts_no_more(penstock: Penstock, team: tuple[str, str]) -> None:
    tenant, key = team
    made = limit(penstock, tenant, "--requests", "1", "--model", MODEL)
    with penstock.client(key) as client:
        client.chat.completions.create(model=MODEL, messages=HELLO)
        with pytest.raises(openai.RateLimitError, match=f"this tenant's «{MODEL}» limit of 1 requests"):
            client.chat.completions.create(model=MODEL, messages=HELLO)
        shown = json.loads(penstock.run("limit", "show", made["id"], "--json").stdout)
        listed = json.loads(penstock.run("limit", "list", "--subject", tenant, "--json").stdout)
        assert [shown] == listed == [made]
        assert penstock.run("limit", "delete", made["id"]).returncode == 0
        client.chat.completions.create(model=MODEL, messages=HELLO)
    assert penstock.run("limit", "show", made["id"]).returncode != 0
