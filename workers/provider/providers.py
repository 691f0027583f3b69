"""The providers of the catalogue, each behind its SDK. An SDK is imported only where a provider needs it."""

from infra.catalog import Catalog, Provider
from workers.provider.calls import ModelProvider


def open_providers(catalog: Catalog, connections: int) -> dict[str, tuple[Provider, ModelProvider]]:
    """By name. Raises `SettingsError` where a provider's key is not in the environment."""
    return {provider.name: (provider, _open(provider, connections)) for provider in catalog.providers}


def _open(provider: Provider, connections: int) -> ModelProvider:
    if provider.kind == "anthropic":
        from workers.provider.anthropic_provider import AnthropicProvider

        return AnthropicProvider(provider, provider.api_key(), connections)
    from workers.provider.openai_provider import OpenAIProvider

    return OpenAIProvider(provider, provider.api_key(), connections)
