"""The providers of the catalogue, each behind its SDK. An SDK is imported only where a provider needs it."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module

from infra.catalog import Catalog, Provider
from infra.catalog.errors import EntryError
from infra.prices import load_prices
from infra.settings import SettingsError
from workers.provider import errors
from workers.provider.calls import ModelProvider


@dataclass(slots=True)
class _Opened:
    provider: Provider
    model: ModelProvider
    calls: int = 0
    retired: bool = False


class ProviderPool:
    """The clients of the catalogue that is in force.

    A client whose provider is changed or removed takes no new call, and is closed when its last one has ended.
    """

    def __init__(self, catalog: Catalog, connections: int) -> None:
        """Raises `SettingsError` where a provider's key is not in the environment."""
        self._connections = connections
        self._closing: set[asyncio.Task[None]] = set()
        self._opened = {provider.name: self._open(provider) for provider in catalog.providers}

    @contextmanager
    def lease(self, name: str, *, local: bool = False) -> Iterator[tuple[Provider, ModelProvider]]:
        """A provider and its client, which stays open for as long as the body runs.

        Raises `PenstockError` (`provider_unavailable`) where the catalogue has none of that name any more, or (`local`)
        where it says by now that prompts leave the house there: the call was planned with an older one.
        """
        opened = self._opened.get(name)
        if opened is None or (local and opened.provider.residency != "local"):
            raise errors.unreachable(name)
        opened.calls += 1
        try:
            yield opened.provider, opened.model
        finally:
            opened.calls -= 1
            self._close_if_over(opened)

    async def apply(self, catalog: Catalog) -> None:
        """Have the clients that a catalogue, which `check_providers` passed, asks for; what it leaves alone stays."""
        before = self._opened
        self._opened = {
            provider.name: kept
            if (kept := before.get(provider.name)) is not None and kept.provider == provider
            else self._open(provider)
            for provider in catalog.providers
        }
        for name, opened in before.items():
            if self._opened.get(name) is not opened:
                opened.retired = True
                self._close_if_over(opened)

    async def close(self) -> None:
        """Give all connections back."""
        await asyncio.gather(*self._closing, *(opened.model.close() for opened in self._opened.values()))

    def _open(self, provider: Provider) -> _Opened:
        return _Opened(provider, _client(provider, self._connections))

    def _close_if_over(self, opened: _Opened) -> None:
        if opened.retired and not opened.calls:
            task = asyncio.create_task(opened.model.close())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)


async def check_providers(catalog: Catalog) -> None:
    """Raise `EntryError` where a provider's key is not in the environment.

    Loads the SDKs and prices on the way, off the event loop: that takes most of a second.
    """
    for number, provider in enumerate(catalog.providers):
        try:
            provider.api_key()
        except SettingsError as error:
            raise EntryError(str(error), ("providers", number, "api_key_env")) from None
        await asyncio.to_thread(import_module, _module_of(provider))
    await load_prices(catalog)


def _module_of(provider: Provider) -> str:
    kind = "anthropic" if provider.kind == "anthropic" else "openai"
    return f"workers.provider.{kind}_provider"


def _client(provider: Provider, connections: int) -> ModelProvider:
    if provider.kind == "anthropic":
        from workers.provider.anthropic_provider import AnthropicProvider

        return AnthropicProvider(provider, provider.api_key(), connections)
    from workers.provider.openai_provider import OpenAIProvider

    return OpenAIProvider(provider, provider.api_key(), connections)
