"""How commands reach the API: where it is, with which key, and what a person is told where it says no.

The client is OpenAI's own SDK; what only Penstock has is asked for by path.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

import typer

from cli.failures import CommandError

if TYPE_CHECKING:
    from openai import APIStatusError, AsyncOpenAI, OpenAI

DEFAULT_URL = "http://127.0.0.1:8080/v1"
KEY = "PENSTOCK_API_KEY"
PATIENCE = 600.0
"""Seconds that an answer may take: measuring a large store is one request."""

BaseUrl = Annotated[str, typer.Option("--base-url", envvar="PENSTOCK_BASE_URL", help="Where the API is.")]
AsJson = Annotated[bool, typer.Option("--json", help="What the API said, as JSON.")]
Store = Annotated[str, typer.Argument(help="A store's name, or its id.", show_default=False)]
Json = dict[str, Any]


class Api:
    """Calls that answer a JSON object. Raises what the SDK raises; `asking` makes sentences of it."""

    def __init__(self, client: "OpenAI", base_url: str) -> None:
        self.client = client
        self._base_url = base_url

    def get(self, path: str, **query: object) -> Json:
        """Query parameters that are None are left out."""
        told = {name: value for name, value in query.items() if value is not None}
        return json_object(self.client.get(path, cast_to=object, options={"params": told}), self._base_url)

    def text(self, path: str) -> tuple[str, Mapping[str, str]]:
        """What is no JSON: the text and its headers."""
        import httpx2

        answer = self.client.get(path, cast_to=httpx2.Response)
        return answer.text, answer.headers

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> Json:
        """Fields of the body that are None are left out."""
        told = {name: value for name, value in (body or {}).items() if value is not None}
        return json_object(self.client.post(path, cast_to=object, body=told), self._base_url)

    def put(self, path: str, body: Mapping[str, Any]) -> Json:
        """Replaces what is there."""
        return json_object(self.client.put(path, cast_to=object, body=body), self._base_url)

    def delete(self, path: str) -> Json:
        """Takes away what is there."""
        return json_object(self.client.delete(path, cast_to=object), self._base_url)


def store_path(store: str, *rest: str) -> str:
    """The path of what belongs to a store, whatever characters its name has."""
    return "/".join(("/vector_stores", *(quote(part, safe="") for part in (store, *rest))))


@contextmanager
def asking(base_url: str) -> Iterator[Api]:
    """The API, for one command. Raises `CommandError` where it can't be reached, or refuses."""
    with explained(base_url):
        from openai import OpenAI

        with OpenAI(base_url=base_url, api_key=_key(), max_retries=3, timeout=PATIENCE) as client:
            yield Api(client, base_url)


def async_client(base_url: str) -> "AsyncOpenAI":
    """A client for many requests at a time, which retries nothing by itself. Raises `CommandError` without a key."""
    from openai import AsyncOpenAI

    return AsyncOpenAI(base_url=base_url, api_key=_key(), max_retries=0, timeout=PATIENCE)


@contextmanager
def explained(base_url: str) -> Iterator[None]:
    """Make a `CommandError`, a sentence, of what the SDK raises."""
    import openai

    try:
        yield
    except openai.AuthenticationError as error:
        raise CommandError(f"{base_url} refuses the key in {KEY}: {said(error)}") from error
    except openai.APITimeoutError as error:
        raise CommandError(f"{base_url} did not answer in time.") from error
    except openai.APIConnectionError as error:
        advice = "is `penstock up` running? --base-url or PENSTOCK_BASE_URL say where else to look."
        raise CommandError(f"nothing answers at {base_url}: {advice}") from error
    except openai.APIStatusError as error:
        raise CommandError(said(error)) from error


def said(error: "APIStatusError") -> str:
    """The API's own sentence, or its status where it said none."""
    body = error.body
    message = body.get("message") if isinstance(body, dict) else None
    return message if isinstance(message, str) and message else f"the API answered with status {error.status_code}."


def json_object(answer: object, base_url: str) -> Json:
    """The answer. Raises `CommandError` for one that no Penstock gives."""
    if not isinstance(answer, dict):
        raise CommandError(
            f"what answers at {base_url} is no Penstock: it gave no JSON object. Does the URL end in /v1?"
        )
    return answer


def _key() -> str:
    key = os.environ.get(KEY, "").strip()
    if not key:
        raise CommandError(f"{KEY} is not set: `penstock up` shows a first key, `penstock key create` makes others.")
    return key
