"""Keys: who is not let in, and how he is told."""

import time
import uuid

import httpx2
import openai
import pytest
from openai import OpenAI

from tests.e2e.running import Penstock
from tests.e2e.waiting import until

ANY_401 = (openai.AuthenticationError, 401, "invalid_api_key", "authentication_error")


def ask(client: OpenAI, **headers: str | openai.Omit) -> None:
    client.chat.completions.create(
        model="sim-small", messages=[{"role": "user", "content": "Hello"}], extra_headers=headers
    )


def is_refused(client: OpenAI) -> bool:
    try:
        ask(client)
    except openai.AuthenticationError:
        return True
    return False


def assert_401(error: openai.APIStatusError) -> None:
    assert (type(error), error.status_code, error.code, error.type) == ANY_401
    assert error.param is None


def test_without_a_key(penstock: Penstock) -> None:
    with penstock.client() as client, pytest.raises(openai.AuthenticationError) as raised:
        ask(client, Authorization=openai.omit)
    assert_401(raised.value)
    assert "Bearer" in raised.value.message


@pytest.mark.parametrize(
    "authorization",
    ["Bearer", "Bearer sk-123", "Bearer psk_x", "Bearer psk__", "Bearer psk_a_b_c", "Bearer a b", "Basic dTpw"],
)
def test_with_a_malformed_key(penstock: Penstock, authorization: str) -> None:
    with penstock.client() as client, pytest.raises(openai.AuthenticationError) as raised:
        ask(client, Authorization=authorization)
    assert_401(raised.value)


@pytest.mark.parametrize("authorization", ["ключ", "Bearer psk_é_é"])
def test_with_a_key_that_the_client_would_not_send(penstock: Penstock, authorization: str) -> None:
    answer = httpx2.get(f"{penstock.base_url}/models", headers={b"Authorization": authorization.encode()})
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "invalid_api_key"


def test_with_another_secret(penstock: Penstock) -> None:
    _, public_id, secret = penstock.key.split("_")
    for wrong in (secret[::-1], secret[:-1], secret + "0", "0" * len(secret)):
        with penstock.client(f"psk_{public_id}_{wrong}") as client, pytest.raises(openai.AuthenticationError) as raised:
            ask(client)
        assert_401(raised.value)
        assert wrong not in raised.value.message


def test_with_a_key_of_nobody(penstock: Penstock) -> None:
    with penstock.client(f"psk_{uuid.uuid4().hex[:16]}_{uuid.uuid4().hex}") as client:
        with pytest.raises(openai.AuthenticationError) as raised:
            ask(client)
        assert_401(raised.value)


def test_a_revoked_key_is_refused_within_a_second(penstock: Penstock) -> None:
    key = penstock.create_key("default")
    with penstock.client(key) as client:
        ask(client)
        done = penstock.run("key", "revoke", key.split("_")[1])
        revoked = time.monotonic()
        assert done.returncode == 0, done.stderr
        until(lambda: is_refused(client), "the refusal of a revoked key", within=1.0)
        assert time.monotonic() - revoked < 1.0
        with pytest.raises(openai.AuthenticationError) as raised:
            ask(client)
        assert_401(raised.value)


def test_an_expired_key_is_refused(penstock: Penstock) -> None:
    key = penstock.create_key("default")
    with penstock.client(key) as client:
        ask(client)
        penstock.sql("UPDATE api_keys SET expires_at = now() + interval '0.5 s' WHERE id = %s", key.split("_")[1])
        until(lambda: is_refused(client), "the refusal of an expired key", within=1.5)


def test_a_key_without_the_scope_may_not_prompt(penstock: Penstock) -> None:
    with penstock.client(penstock.create_key("default", "search")) as client:
        with pytest.raises(openai.PermissionDeniedError) as raised:
            ask(client)
        assert raised.value.status_code == 403
        assert raised.value.code == "permission_denied"
        assert raised.value.param is None
        assert "inference" in raised.value.message


def test_a_secret_is_stored_nowhere(penstock: Penstock) -> None:
    key = penstock.create_key("default")
    with penstock.client(key) as client:
        ask(client)
    public_id, secret = key.split("_")[1:]
    (row,) = penstock.sql("SELECT * FROM api_keys WHERE id = %s", public_id)
    assert secret not in str(row)
    for log in penstock.logs.iterdir():
        assert secret not in log.read_text(), log.name
    assert secret not in penstock.run("key", "list").stdout
