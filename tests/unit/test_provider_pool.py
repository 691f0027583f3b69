"""The providers' clients follow the catalogue, and no call loses the client that it is made with."""

import asyncio
from collections.abc import Iterator
from unittest import mock

import pytest

from contracts.errors import ErrorCode, PenstockError
from infra.catalog import Catalog, EntryError, Provider
from workers.provider import providers
from workers.provider.providers import ProviderPool, check_providers


class Client:
    """A client that knows whether it was closed."""

    def __init__(self, provider: Provider) -> None:
        self.url = str(provider.base_url)
        self.closed = False

    async def close(self) -> None:
        self.closed = True


@pytest.fixture(autouse=True)
def clients() -> Iterator[None]:
    with mock.patch.object(providers, "_client", lambda provider, _: Client(provider)):
        yield


def catalog(**urls: str) -> Catalog:
    """Of providers by their names."""
    deployment = {"name": "any", "provider": next(iter(urls)), "model": "real"}
    entries = [{"name": name, "kind": "openai", "base_url": url} for name, url in urls.items()]
    return Catalog.model_validate({"providers": entries, "models": [{"name": "m", "deployments": [deployment]}]})


def client_of(pool: ProviderPool, name: str) -> Client:
    with pool.lease(name) as (_, client):
        assert isinstance(client, Client)
        return client


async def closed(client: Client) -> bool:
    """Whether it is closed, now that whoever wanted to close it has had a turn."""
    await asyncio.sleep(0)
    return client.closed


async def test_a_provider_that_is_left_alone_keeps_its_client():
    pool = ProviderPool(catalog(one="http://a/", two="http://b/"), 8)
    before = client_of(pool, "one")
    await pool.apply(catalog(one="http://a/", three="http://c/"))
    assert client_of(pool, "one") is before
    assert not await closed(before)


async def test_a_new_provider_has_a_client():
    pool = ProviderPool(catalog(one="http://a/"), 8)
    await pool.apply(catalog(one="http://a/", two="http://b/"))
    assert client_of(pool, "two").url == "http://b/"


@pytest.mark.parametrize("changed", [{"one": "http://b/"}, {"two": "http://b/"}], ids=["changed", "removed"])
async def test_a_client_whose_provider_is_changed_or_removed_closes_when_its_last_call_has_ended(
    changed: dict[str, str],
):
    pool = ProviderPool(catalog(one="http://a/"), 8)
    with pool.lease("one") as (_, old):
        with pool.lease("one"):
            await pool.apply(catalog(**changed))
        assert isinstance(old, Client)
        assert not await closed(old)
    assert await closed(old)


async def test_a_client_that_nobody_uses_is_closed_at_once():
    pool = ProviderPool(catalog(one="http://a/"), 8)
    old = client_of(pool, "one")
    await pool.apply(catalog(one="http://b/"))
    assert await closed(old)
    assert client_of(pool, "one").url == "http://b/"


async def test_a_provider_that_is_gone_is_one_that_cannot_be_reached():
    pool = ProviderPool(catalog(one="http://a/"), 8)
    await pool.apply(catalog(two="http://b/"))
    with pytest.raises(PenstockError) as caught, pool.lease("one"):
        raise AssertionError("there is none to lease")
    assert (caught.value.code, caught.value.retryable) == (ErrorCode.PROVIDER_UNAVAILABLE, True)


async def test_a_provider_that_has_moved_out_of_the_house_is_not_called_with_what_may_not_leave_it():
    def at(residency: str) -> Catalog:
        entries = [{"name": "one", "kind": "openai", "base_url": "http://a/", "residency": residency}]
        deployment = {"name": "any", "provider": "one", "model": "real"}
        return Catalog.model_validate({"providers": entries, "models": [{"name": "m", "deployments": [deployment]}]})

    pool = ProviderPool(at("local"), 8)
    with pool.lease("one", local=True) as (provider, _):
        assert provider.residency == "local"
    await pool.apply(at("external"))
    with pytest.raises(PenstockError) as caught, pool.lease("one", local=True):
        raise AssertionError("it is outside now")
    assert caught.value.code == ErrorCode.PROVIDER_UNAVAILABLE
    with pool.lease("one") as (provider, _):
        assert provider.residency == "external"


async def test_all_clients_are_closed_with_the_pool():
    pool = ProviderPool(catalog(one="http://a/", two="http://b/"), 8)
    opened = [client_of(pool, name) for name in ("one", "two")]
    await pool.close()
    assert [client.closed for client in opened] == [True, True]


async def test_a_key_that_is_not_set_is_told_with_its_provider(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("SOME_KEY", raising=False)
    entries = [
        {"name": "one", "kind": "openai", "base_url": "http://a/"},
        {"name": "two", "kind": "anthropic", "base_url": "http://b/", "api_key_env": "SOME_KEY"},
    ]
    models = [{"name": "m", "deployments": [{"name": "any", "provider": "one", "model": "real"}]}]
    wanting = Catalog.model_validate({"providers": entries, "models": models})
    with pytest.raises(EntryError, match="SOME_KEY") as caught:
        await check_providers(wanting)
    assert caught.value.loc == ("providers", 1, "api_key_env")
    monkeypatch.setenv("SOME_KEY", "secret")
    await check_providers(wanting)
