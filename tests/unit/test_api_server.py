"""How the API's HTTP server is set up."""

import httpx2
from openai import AsyncOpenAI
from starlette.applications import Starlette

from api.bootstrap import server_config
from infra.settings import Settings


def test_an_idle_connection_is_closed_by_the_sdk_and_not_by_the_api() -> None:
    """At the same moment, one of them would send a request into a connection that the other is closing."""
    sdk = AsyncOpenAI(api_key="none")._client._transport
    assert isinstance(sdk, httpx2.AsyncHTTPTransport)
    kept_by_the_sdk = sdk._pool._keepalive_expiry
    assert kept_by_the_sdk is not None
    assert server_config(Starlette(), Settings()).timeout_keep_alive > 2 * kept_by_the_sdk


def test_how_long_it_may_be_idle_is_a_setting() -> None:
    assert server_config(Starlette(), Settings(keep_alive=20)).timeout_keep_alive == 20
