"""The ingress's parts that need no broker: prompts, keys, streams, errors."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from api.auth import Authenticator, Principal, require_scope
from api.dialects.dialect import Dialect, error_headers
from api.front import ANTHROPIC, OPENAI, RESPONSES, spoken_by
from api.prompt import Prompt, read_prompt
from contracts.apis.replay_chat import replay_completion
from contracts.errors import HTTP_STATUS, ErrorCode, PenstockError
from contracts.inference import OPENAI_CHAT
from infra.access.credentials import Credential, hash_secret, split_key

KEY = "psk_00aa_11bb"


def stored(**fields: Any) -> Credential:
    values = {"id": "00aa", "tenant": "acme", "secret_sha256": hash_secret("11bb"), "scopes": frozenset({"inference"})}
    return Credential(**{**values, **fields})


class Keys:
    """A table of one key, that counts how often it is asked."""

    def __init__(self, key: Credential | None) -> None:
        self.key = key
        self.asked = 0
        self.broken = False

    async def find(self, public_id: str) -> Credential | None:
        self.asked += 1
        if self.broken:
            raise OperationalError("select", {}, Exception("away"))
        return self.key if self.key and self.key.id == public_id else None


async def refusal(keys: Keys, header: str | None) -> ErrorCode:
    with pytest.raises(PenstockError) as caught:
        await Authenticator(keys.find).authenticate(header)
    return caught.value.code


async def test_a_good_key_says_whose_it_is():
    principal = await Authenticator(Keys(stored()).find).authenticate(f"Bearer {KEY}")
    assert principal == Principal("acme", "00aa", frozenset({"inference"}))


@pytest.mark.parametrize(
    "header",
    [None, "", "Basic x", KEY, "Bearer ", "Bearer psk", "Bearer psk_00aa", "Bearer psk_00aa_22cc", "Bearer psk_x_11bb",
     "Bearer psk_00aa_11bb_1", "Bearer psk_00aa'--_11bb", "Bearer sk-123"],
)  # fmt: skip
async def test_anything_but_the_key_is_refused(header: str | None):
    assert await refusal(Keys(stored()), header) is ErrorCode.INVALID_API_KEY


async def test_a_revoked_or_expired_key_is_refused():
    past = datetime.now(UTC) - timedelta(seconds=1)
    for key in (stored(revoked_at=past), stored(expires_at=past)):
        assert await refusal(Keys(key), f"Bearer {KEY}") is ErrorCode.INVALID_API_KEY


async def test_the_database_is_not_asked_for_every_request():
    keys = Keys(stored())
    authenticator = Authenticator(keys.find)
    for _ in range(20):
        await authenticator.authenticate(f"Bearer {KEY}")
    assert keys.asked == 1


async def test_a_wrong_secret_is_never_answered_from_the_right_ones_entry():
    keys = Keys(stored())
    authenticator = Authenticator(keys.find)
    await authenticator.authenticate(f"Bearer {KEY}")
    with pytest.raises(PenstockError):
        await authenticator.authenticate("Bearer psk_00aa_22cc")


async def test_without_a_database_an_unknown_key_is_a_503_and_not_a_401():
    keys = Keys(stored())
    keys.broken = True
    assert await refusal(keys, f"Bearer {KEY}") is ErrorCode.PIPELINE_UNAVAILABLE


def test_a_key_without_the_scope_is_refused():
    with pytest.raises(PenstockError) as caught:
        require_scope(Principal("acme", "00aa", frozenset()), "inference")
    assert caught.value.code is ErrorCode.PERMISSION_DENIED


def test_a_key_has_three_parts():
    assert split_key(KEY) == ("00aa", "11bb")


def read(raw: bytes, **headers: str) -> Prompt:
    return read_prompt(raw, headers.get, 60, OPENAI_CHAT)


@pytest.mark.parametrize(
    ("header", "value"),
    [("x-penstock-residency", "moon"), ("x-penstock-drop-params", "perhaps"), ("anthropic-beta", "b" * 1025)],
)
def test_a_header_of_ours_that_cant_be_understood_is_named(header: str, value: str):
    with pytest.raises(PenstockError) as caught:
        read(b"{}", **{header: value})
    assert caught.value.param == header


def test_what_the_headers_ask_goes_into_the_message():
    asked = {"x-penstock-residency": "local", "x-penstock-drop-params": "true", "anthropic-beta": "one,two"}
    message = json.loads(read(b"{}", **asked).message("r1"))
    assert (message["residency"], message["drop_params"], message["beta"]) == ("local", True, "one,two")


def test_anthropics_errors_have_its_own_shape():
    error = PenstockError(ErrorCode.MODEL_NOT_FOUND, "a sentence", stage="api")
    assert ANTHROPIC.error(error, "r1") == {
        "type": "error",
        "error": {"type": "not_found_error", "message": "a sentence"},
        "request_id": "r1",
    }


@pytest.mark.parametrize("dialect", [RESPONSES, ANTHROPIC])
def test_an_error_in_a_stream_of_named_events_is_one(dialect: Dialect):
    event = dialect.error_event(PenstockError(ErrorCode.PROVIDER_ERROR, "cut", stage="provider"), "r1", 7)
    name, data = event.decode().strip().split("\n")
    assert name == "event: error"
    assert json.loads(data.removeprefix("data: "))["error"]["message"] == "cut"


@pytest.mark.parametrize("version", [None, "2024-01-01"])
def test_anthropics_version_must_be_one_that_is_spoken(version: str | None):
    headers = {} if version is None else {"anthropic-version": version}
    with pytest.raises(PenstockError) as caught:
        ANTHROPIC.check_version(headers.get)
    assert caught.value.param == "anthropic-version"


def test_a_key_stands_where_each_sdk_puts_it():
    assert ANTHROPIC.authorization({"x-api-key": KEY}.get) == f"Bearer {KEY}"
    assert ANTHROPIC.authorization({"authorization": f"Bearer {KEY}"}.get) == f"Bearer {KEY}"
    assert OPENAI.authorization({"x-api-key": KEY}.get) is None


def test_where_both_sdks_come_the_version_tells_them_apart():
    assert spoken_by({"anthropic-version": "2023-06-01"}.get) is ANTHROPIC
    assert spoken_by({}.get) is OPENAI


def test_a_prompt_is_passed_on_byte_for_byte():
    raw = b'{ "model":"m", "messages":[], "new_field":1.50, "stream":true }'
    prompt = read(raw, **{"cache-control": "no-cache"})
    assert (prompt.model, prompt.stream) == ("m", True)
    message = prompt.message("r1")
    assert raw in message
    assert json.loads(message)["cache_control"] == "no-cache"


@pytest.mark.parametrize("raw", [b"", b"nonsense", b"\xff", b"[]", b'"x"', b"{", b'{"a":NaN}'])
def test_what_is_no_json_object_is_refused(raw: bytes):
    with pytest.raises(PenstockError) as caught:
        read(raw)
    assert caught.value.code is ErrorCode.INVALID_REQUEST


@pytest.mark.parametrize("seconds", ["soon", "0", "-1", "nan", "inf", ""])
def test_a_timeout_is_a_number_of_seconds(seconds: str):
    with pytest.raises(PenstockError) as caught:
        read(b"{}", **{"x-penstock-timeout": seconds})
    assert caught.value.param == "x-penstock-timeout"


def test_nobody_waits_longer_than_the_platform_lets_them():
    prompt = read(b"{}", **{"x-penstock-timeout": "999"})
    assert (prompt.deadline - datetime.now(UTC)).total_seconds() < 61


def test_a_stored_answer_is_replayed_as_a_stream():
    message = {"role": "assistant", "content": "Hello", "refusal": None}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    completion = {"id": "c1", "object": "chat.completion", "choices": [choice], "usage": {"total_tokens": 3}}
    events = list(OPENAI.replay(completion, include_usage=True))
    chunks = [json.loads(event.removeprefix(b"data: ")) for event in events]
    assert all(event.endswith(b"\n\n") for event in events)
    assert [chunk["choices"][0]["delta"] for chunk in chunks[:3]] == [
        {"role": "assistant", "content": ""},
        {"content": "Hello"},
        {},
    ]
    assert chunks[2]["choices"][0]["finish_reason"] == "stop"
    assert chunks[3] == {
        "id": "c1",
        "object": "chat.completion.chunk",
        "choices": [],
        "usage": {"total_tokens": 3},
    }
    assert len(list(OPENAI.replay(completion, include_usage=False))) == 3


def test_replayed_tool_calls_have_their_index():
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    completion = {"choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]}
    chunks = list(replay_completion(completion, include_usage=False))
    assert chunks[1]["choices"][0]["delta"] == {"tool_calls": [{"index": 0, **call}]}


@pytest.mark.parametrize("code", list(ErrorCode))
def test_every_error_code_has_a_status_and_openais_shape(code: ErrorCode):
    error = PenstockError(code, "a sentence", stage="api", param="model")
    assert 400 <= HTTP_STATUS[code] < 600
    assert set(OPENAI.error(error, "r1")["error"]) == {"message", "type", "param", "code"}


def test_retry_after_is_in_whole_seconds_and_at_least_one():
    def after(seconds: float | None, code: ErrorCode = ErrorCode.RATE_LIMITED) -> dict[str, str]:
        return error_headers(PenstockError(code, "x", stage="api", retryable=True, retry_after=seconds))

    assert after(0.2) == {"retry-after": "1"}
    assert after(2.1) == {"retry-after": "3"}
    assert after(None, ErrorCode.OVERLOADED) == {"retry-after": "1"}
    assert after(None, ErrorCode.INVALID_REQUEST) == {}


def test_a_request_that_never_passes_tells_the_sdks_not_to_try_again():
    never = PenstockError(ErrorCode.RATE_LIMITED, "more than the whole limit", stage="validation")
    assert error_headers(never) == {"x-should-retry": "false"}
    later = PenstockError(ErrorCode.INSUFFICIENT_QUOTA, "the budget", stage="provider", retry_after=3600.0)
    assert error_headers(later) == {"retry-after": "3600", "x-should-retry": "false"}
