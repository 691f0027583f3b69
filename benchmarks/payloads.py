"""What goes over the wire: unique prompts, and the answer that each of them must bring back.

A prompt carries a tag of 16 hexadecimal digits, and the upstream's answer begins with it. So an answer out of a cache,
an answer to another request, and a cut one are all seen.
"""

import random
import re
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import SplitResult

import orjson

TAG = re.compile(rb"\[request ([0-9a-f]{16})\]")
NO_TAG = b"0" * 16
PROMPT_BYTES = 1500
STREAM_CHUNKS = 20

_MARK = "T" * 16
_FILLER = "FILLER"
_LAKE = (
    "the gate lets water run from a lake to its wheel and it keeps every drop of what was poured in while rain "
    "fills basin after basin over long dry summers so that mills downstream never stand still for want of flow"
)
_ANSWER = "was read whole and answered by the instant upstream without any thought at all as it should"
_USAGE = {"prompt_tokens": 312, "completion_tokens": STREAM_CHUNKS - 2, "total_tokens": 310 + STREAM_CHUNKS}


class Request(NamedTuple):
    """One HTTP request as bytes, and the text that its answer must hold."""

    expected: str
    data: bytes


class Requests:
    """Chat completion requests by number: the same seed gives the same bytes, no two numbers share a prompt."""

    def __init__(self, url: SplitResult, model: str, api_key: str, *, stream: bool, seed: int) -> None:
        filler = random.Random(seed).choices(_LAKE.split(), k=16_384)
        self._text = " ".join(filler).encode()
        self._seed = b"%08x" % (seed & 0xFFFFFFFF)
        before, rest = _request_json(model, stream=stream).split(_MARK.encode())
        self._between, self._after = rest.split(_FILLER.encode())
        self._filler_bytes = PROMPT_BYTES - len(f"[request {_MARK}] ")
        length = len(before) + len(NO_TAG) + len(self._between) + self._filler_bytes + len(self._after)
        self._before = _request_head(url, api_key, length) + before

    def request(self, number: int) -> Request:
        """The request of that number, from 0."""
        tag = self._seed + b"%08x" % (number & 0xFFFFFFFF)
        offset = number * 7919 % (len(self._text) - self._filler_bytes)
        filler = self._text[offset : offset + self._filler_bytes]
        data = b"".join((self._before, tag, self._between, filler, self._after))
        return Request(answer_text(tag.decode()), data)


def answer_text(tag: str) -> str:
    """What the upstream answers to the prompt with that tag."""
    return f"{tag} {_ANSWER}"


@lru_cache(maxsize=64)
def json_answer(model: str) -> list[bytes]:
    """A whole HTTP response of about 600 bytes of JSON, in the pieces between which the tag belongs."""
    body = orjson.dumps(
        _envelope("chat.completion", model)
        | {
            "choices": [
                {
                    "index": 0,
                    "message": {
                        "role": "assistant",
                        "content": answer_text(_MARK),
                        "refusal": None,
                        "annotations": [],
                    },
                    "logprobs": None,
                    "finish_reason": "stop",
                }
            ],
            "usage": _USAGE
            | {
                "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
                "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
            },
            "service_tier": "default",
            "system_fingerprint": "fp_instant",
        }
    )
    return response(200, "application/json", body).split(_MARK.encode())


@lru_cache(maxsize=64)
def stream_answer(model: str, *, usage: bool) -> list[bytes]:
    """A whole streamed HTTP response of `STREAM_CHUNKS` chunks, in the pieces between which the tag belongs."""
    words = [_MARK, *(f" {word}" for word in _ANSWER.split())]
    deltas = [{"role": "assistant", "content": ""}, *({"content": word} for word in words), {}]
    envelope = _envelope("chat.completion.chunk", model)
    chunks = [envelope | {"choices": [_choice(delta)]} for delta in deltas]
    if usage:
        chunks.append(envelope | {"choices": [], "usage": _USAGE})
    events = [b"data: %b\n\n" % orjson.dumps(chunk) for chunk in chunks] + [b"data: [DONE]\n\n"]
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    return (head + b"".join(b"%x\r\n%b\r\n" % (len(event), event) for event in events) + b"0\r\n\r\n").split(
        _MARK.encode()
    )


def response(status: int, content_type: str, body: bytes) -> bytes:
    """A whole HTTP/1.1 response."""
    head = f"HTTP/1.1 {status} {'OK' if status == 200 else 'Error'}\r\ncontent-type: {content_type}\r\n"
    return head.encode() + b"content-length: %d\r\n\r\n" % len(body) + body


def _request_json(model: str, *, stream: bool) -> bytes:
    asked: dict[str, Any] = {
        "model": model,
        "messages": [{"role": "user", "content": f"[request {_MARK}] {_FILLER}"}],
        "temperature": 0,
        "max_tokens": 64,
    }
    if stream:
        asked |= {"stream": True, "stream_options": {"include_usage": True}}
    return orjson.dumps(asked)


def _request_head(url: SplitResult, api_key: str, length: int) -> bytes:
    return (
        f"POST {url.path.rstrip('/')}/chat/completions HTTP/1.1\r\nhost: {url.netloc}\r\n"
        f"authorization: Bearer {api_key}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    ).encode()


def _envelope(kind: str, model: str) -> dict[str, Any]:
    return {"id": f"chatcmpl-{_MARK}", "object": kind, "created": 1_700_000_000, "model": model}


def _choice(delta: dict[str, str]) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "finish_reason": None if delta else "stop"}
