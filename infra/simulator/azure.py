"""What Azure OpenAI adds to OpenAI's endpoints: a deployment in the path, a version in the query, a key of its own."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs

import orjson

from infra.simulator.asgi import Scope

_DEPLOYMENT = re.compile(r"/openai/deployments/(.+)/(chat/completions|embeddings)")
V1_PREFIX = "/openai/v1"


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer that Azure's front gives before any model is asked."""

    status: int
    body: bytes


_NO_KEY = (
    "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key for an"
    " active subscription and use a correct regional API endpoint for your resource."
)


def read_path(path: str) -> tuple[str, str] | None:
    """The deployment in a path and what is asked of it, `chat/completions` or `embeddings`; None for any other path."""
    found = _DEPLOYMENT.fullmatch(path)
    return None if found is None else (found.group(1), found.group(2))


def refuse_deployment(scope: Scope) -> Refusal | None:
    """What is wrong with a call of a deployment: no `api-version` in the query (404) or no `api-key` header (401)."""
    if not parse_qs(scope["query_string"].decode("latin-1")).get("api-version"):
        return _refusal(404, "Resource not found")
    return None if _headers(scope).get(b"api-key") else _refusal(401, _NO_KEY)


def refuse_v1(scope: Scope) -> Refusal | None:
    """What is wrong with a call of the v1 API, which has no versions: neither an `api-key` nor a bearer token (401)."""
    headers = _headers(scope)
    bearer = headers.get(b"authorization", b"").lower().startswith(b"bearer ")
    return None if headers.get(b"api-key") or bearer else _refusal(401, _NO_KEY)


def _headers(scope: Scope) -> Mapping[bytes, bytes]:
    return dict(scope["headers"])


def _refusal(status: int, message: str) -> Refusal:
    return Refusal(status, orjson.dumps({"error": {"code": str(status), "message": message}}))
