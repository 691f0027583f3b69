"""Messages that are no contract, worker by worker, and what each worker must do about them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Flag, auto

import orjson

from contracts import envelope
from tests.integration.conformance.cases import BY_NAME, Case
from tests.support.messages import STORE, Message, message_of

RANDOM = bytes.fromhex("8f1c00ffd9e3a4b27f0d0a00c3285b7b22")
BAD_UTF8 = b'{"request_id": "poison", "request": {"model": "sim-small\xff\xc3\x28"}}'
DEEP = b"[" * 100_000
ANY_JSON = b'[1, "two", null]'


class Told(Flag):
    """Who hears of it."""

    NOBODY = 0
    OPERATOR = auto()
    """By a dead letter with a reason."""
    CALLER = auto()
    """By the request's `failed`."""


Change = Callable[[Message], Message]


@dataclass(frozen=True, slots=True)
class Poison:
    """A good message, spoilt."""

    case: Case
    name: str
    change: Change = field(repr=False)
    told: Told

    def message(self) -> Message:
        """What is published. Its request id, where it has one, is `poison`."""
        message = self.change(message_of(self.case.consumes, "poison"))
        kept = {name: value for name, value in message.headers.items() if name != envelope.MSG_ID}
        return replace(message, headers=kept)


def body(content: bytes) -> Change:
    return lambda message: replace(message, body=content)


def json(value: object) -> Change:
    return body(orjson.dumps(value))


def headers(**changed: str | None) -> Change:
    """None takes one away; `ce_model` is `ce-model`."""
    named = {name.replace("_", "-"): value for name, value in changed.items()}

    def change(message: Message) -> Message:
        all_of_them = {**message.headers, **named}
        return replace(message, headers={name: value for name, value in all_of_them.items() if value is not None})

    return change


def bare(content: bytes) -> Change:
    """No headers at all, as from a client that knows nothing of us."""
    return lambda message: Message(message.subject, {}, content)


def subject(old: str, new: str) -> Change:
    return lambda message: replace(message, subject=message.subject.replace(old, new))


def fields(**changed: object) -> Change:
    """Fields of a JSON body; None takes one away."""

    def change(message: Message) -> Message:
        found: Mapping[str, object] = {**orjson.loads(message.body), **changed}
        return replace(message, body=orjson.dumps({name: value for name, value in found.items() if value is not None}))

    return change


def both(*changes: Change) -> Change:
    def change(message: Message) -> Message:
        for one in changes:
            message = one(message)
        return message

    return change


def search(store: str, **asked: object) -> Change:
    """Another store, or something else to be asked of it."""
    tool = {"type": "file_search", "vector_store_ids": [store], **asked}
    messages = [{"role": "user", "content": "Hello"}]
    return fields(request={"model": "sim-small", "messages": messages, "tools": [tool]})


_AT_THE_DOOR: Mapping[str, tuple[Change, Told]] = {
    "random bytes": (bare(RANDOM), Told.OPERATOR),
    "an empty body": (bare(b""), Told.OPERATOR),
    "JSON of another shape": (bare(ANY_JSON), Told.OPERATOR),
    "no request id": (bare(b'{"request": {"model": "m"}}'), Told.OPERATOR),
    "a request id that is no token": (bare(b'{"request_id": "a.b >"}'), Told.OPERATOR),
    "a request id that is no text": (bare(b'{"request_id": {"a": 1}}'), Told.OPERATOR),
    "invalid UTF-8": (bare(BAD_UTF8), Told.OPERATOR),
    "brackets without end": (bare(DEEP), Told.OPERATOR),
    "a tenant that is no token": (subject(".acme", ".ac$me"), Told.OPERATOR),
    "random bytes under a request id": (body(RANDOM), Told.CALLER),
    "invalid UTF-8 under a request id": (body(BAD_UTF8), Told.CALLER),
    "brackets without end under a request id": (body(DEEP), Told.CALLER),
    "JSON of another shape under a request id": (body(ANY_JSON), Told.CALLER),
    "two request ids": (fields(request_id="another"), Told.CALLER),
    "no request": (fields(request=None), Told.CALLER),
    "no messages": (fields(request={"model": "sim-small", "messages": []}), Told.CALLER),
    "an unknown API": (fields(api="cobol"), Told.CALLER),
    "a deadline that is no time": (fields(deadline="soon"), Told.CALLER),
    "a deadline header that is no time": (headers(ce_deadline="soon"), Told.CALLER),
    "an ingress that is no token": (headers(ce_ingress="a b.>"), Told.CALLER),
}
_BEHIND_IT: Mapping[str, tuple[Change, Told]] = {
    "no headers": (bare(RANDOM), Told.OPERATOR),
    "no request id": (headers(ce_requestid=None), Told.OPERATOR),
    "a request id that is no token": (headers(ce_requestid="a.b >"), Told.OPERATOR),
    "no tenant": (headers(ce_tenant=None), Told.OPERATOR),
    "a deadline that is no time": (headers(ce_deadline="soon"), Told.CALLER),
}
_UNREADABLE: Mapping[str, tuple[Change, Told]] = {
    "random bytes": (body(RANDOM), Told.OPERATOR | Told.CALLER),
    "JSON of another shape": (body(ANY_JSON), Told.OPERATOR | Told.CALLER),
    "invalid UTF-8": (body(BAD_UTF8), Told.OPERATOR | Told.CALLER),
    "no request": (fields(request=None), Told.OPERATOR | Told.CALLER),
    "no API": (headers(ce_api=None), Told.OPERATOR | Told.CALLER),
}
_NOT_ROUTED: Mapping[str, tuple[Change, Told]] = {
    "no deployments": (headers(ce_deployments=None), Told.OPERATOR | Told.CALLER),
    "a deployment that is not in the catalogue": (headers(ce_deployments="gone"), Told.CALLER),
    "no model": (headers(ce_model=None), Told.OPERATOR | Told.CALLER),
}
_NOT_SEARCHED: Mapping[str, tuple[Change, Told]] = {
    "no tenant": (headers(ce_tenant=None), Told.OPERATOR),
    "random bytes": (body(RANDOM), Told.OPERATOR | Told.CALLER),
    "no request": (fields(request=None), Told.OPERATOR | Told.CALLER),
    "a store that is not there": (search("gone"), Told.CALLER),
    "a filter that is none": (search(STORE, filters={"type": "telepathy"}), Told.CALLER),
}
_FILLS: Mapping[str, tuple[Change, Told]] = {
    "no headers": (bare(RANDOM), Told.NOBODY),
    "random bytes": (body(RANDOM), Told.OPERATOR),
    "invalid UTF-8": (body(BAD_UTF8), Told.OPERATOR),
    "JSON of another shape": (body(ANY_JSON), Told.OPERATOR),
    "no response": (fields(response=None), Told.OPERATOR),
    "no tenant": (headers(ce_tenant=None), Told.OPERATOR),
    "a key that is no token": (headers(ce_cachekey="a b.>"), Told.OPERATOR),
}
_USAGES: Mapping[str, tuple[Change, Told]] = {
    "no headers": (bare(RANDOM), Told.OPERATOR),
    "random bytes": (body(RANDOM), Told.OPERATOR),
    "invalid UTF-8": (body(BAD_UTF8), Told.OPERATOR),
    "JSON of another shape": (body(ANY_JSON), Told.OPERATOR),
    "no attempt": (fields(attempt=None), Told.OPERATOR),
    "a text that the table can't hold": (fields(model="nul\0"), Told.OPERATOR),
    "a number that the table can't hold": (fields(attempt=10**19), Told.OPERATOR),
    "money that the table can't hold": (fields(cost_usd="1e12"), Told.OPERATOR),
}
_RESPONSES: Mapping[str, tuple[Change, Told]] = {
    "no headers": (bare(RANDOM), Told.OPERATOR),
    "random bytes": (body(RANDOM), Told.OPERATOR),
    "invalid UTF-8": (body(BAD_UTF8), Told.OPERATOR),
    "JSON of another shape": (body(ANY_JSON), Told.OPERATOR),
    "no id": (fields(response_id=None), Told.OPERATOR),
    "an id that is no response's": (fields(response_id="msg_1"), Told.OPERATOR),
    "no tenant": (headers(ce_tenant=None), Told.OPERATOR),
}
_SUBMISSIONS: Mapping[str, tuple[Change, Told]] = {
    "no headers": (bare(RANDOM), Told.OPERATOR),
    "random bytes": (body(RANDOM), Told.OPERATOR),
    "no document": (fields(document_id=None), Told.OPERATOR),
    "a tenant that is no token": (subject(".acme", ".ac$me"), Told.OPERATOR),
    "another tenant's claim check": (headers(ce_claim="evil.poison"), Told.OPERATOR),
    "a claim check for nothing": (headers(ce_claim="acme.poison"), Told.OPERATOR),
    "two submission ids": (fields(submission_id="another"), Told.CALLER),
    "no content": (fields(text=None), Told.CALLER),
    "content that is no file": (fields(text=None, content="AAAA"), Told.CALLER),
    "a file that isn't there": (fields(text=None, file_id="file-gone"), Told.CALLER),
    "a store that isn't there": (fields(store="nowhere"), Told.CALLER),
    "an attribute that the database can't hold": (fields(attributes={"a": "nul\0"}), Told.CALLER),
    "a name that the database can't hold": (fields(document_id="nul\0"), Told.CALLER),
}
_CHUNKED: Mapping[str, tuple[Change, Told]] = {
    "no headers": (bare(RANDOM), Told.OPERATOR),
    "random bytes": (body(RANDOM), Told.OPERATOR),
    "no tenant": (headers(ce_tenant=None), Told.OPERATOR),
    "no chunks": (fields(chunks=None), Told.OPERATOR),
    "another tenant's claim check": (headers(ce_claim="evil.poison"), Told.OPERATOR),
}
_EMBEDDED: Mapping[str, tuple[Change, Told]] = {
    "random bytes": (body(RANDOM), Told.OPERATOR),
    "no tenant": (headers(ce_tenant=None), Told.OPERATOR),
    "no vectors": (fields(vectors=None), Told.OPERATOR),
}
_OF_CASE: Mapping[str, Mapping[str, tuple[Change, Told]]] = {
    "validation": _AT_THE_DOOR,
    "grounding": _NOT_SEARCHED,
    "cache-miss": {**_BEHIND_IT, **_UNREADABLE},
    "cache-fill": _FILLS,
    "routing": {**_BEHIND_IT, "no model": (headers(ce_model=None), Told.CALLER)},
    "provider": {**_BEHIND_IT, **_UNREADABLE, **_NOT_ROUTED},
    "ledger": _USAGES,
    "responses": _RESPONSES,
    "chunking": _SUBMISSIONS,
    "embedding": _CHUNKED,
    "indexing": _EMBEDDED,
}


def poisons() -> Iterator[Poison]:
    """Every one, for every worker."""
    for case, of_case in _OF_CASE.items():
        for name, (change, told) in of_case.items():
            yield Poison(BY_NAME[case], name, change, told)
