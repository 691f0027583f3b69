"""The model catalogue: which providers there are, and which deployments stand behind a model's name."""

import hashlib
import os
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Literal, NamedTuple

import orjson
from pydantic import AfterValidator, Field, HttpUrl, model_validator
from pydantic_core import PydanticCustomError

from infra.catalog.entry import Entry
from infra.catalog.errors import Loc
from infra.catalog.prices import DatedPrices
from infra.catalog.router import Alias, Router, mistakes
from infra.catalog.semantic import ModelCache
from infra.settings import SettingsError

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


def _not_ours(variable: str) -> str:
    """A catalogue decides where keys are sent: it may not name a variable that holds a secret of Penstock's own."""
    if variable.startswith("PENSTOCK_"):
        raise PydanticCustomError("catalog", "a variable of Penstock's own holds no provider's key")
    return variable


KeyVariable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$"), AfterValidator(_not_ours)]
Residency = Literal["local", "external"]
Capability = Literal["tools", "images", "json_schema"]
ModelName = Annotated[str, Field(pattern=r"^\S{1,128}$")]


class Timeouts(Entry):
    """Seconds. A deployment's own figures go over its provider's; what neither names is the default."""

    connect: Annotated[float | None, Field(gt=0, description="To a connection; 5 by default.")] = None
    first_token: Annotated[float | None, Field(gt=0, description="To the first event of a stream; no limit.")] = None
    between_tokens: Annotated[float | None, Field(gt=0, description="Between two events; no limit.")] = None
    total: Annotated[float | None, Field(gt=0, description="For a whole call; 600 by default.")] = None


class CallTimeouts(NamedTuple):
    """The timeouts of one call, in seconds; None is no limit of its own."""

    connect: float
    first_token: float | None
    between_tokens: float | None
    total: float


_DEFAULT_TIMEOUTS: Mapping[str, float] = {"connect": 5.0, "total": 600.0}


class Provider(Entry):
    """A server that answers prompts. `api_key_env` names the variable that holds its key; a local one needs none."""

    name: Name
    kind: Literal["openai", "anthropic", "azure"]
    base_url: HttpUrl
    api_key_env: KeyVariable | None = None
    api_version: Annotated[str | None, Field(description="Azure's dated API; without it, Azure's own v1.")] = None
    residency: Annotated[Residency, Field(description="Whether prompts stay in the house.")] = "external"
    timeouts: Timeouts = Timeouts()
    priced_as: Annotated[str | None, Field(description="Its id in genai-prices; else found by base_url.")] = None
    headers: Annotated[
        dict[str, str], Field(default_factory=dict, description="Sent with every call; no place for a secret.")
    ]

    def api_key(self, environ: Mapping[str, str] = os.environ) -> str:
        """The key, or a placeholder where none is named. Raises `SettingsError` where the variable is not set."""
        if self.api_key_env is None:
            return "none"
        if key := environ.get(self.api_key_env):
            return key
        raise SettingsError(f"provider {self.name} takes its key from {self.api_key_env}, which is not set.")


class Deployment(Entry):
    """One model of one provider. `{model}` in `model` stands for the name that was asked for."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_./:-]{1,128}$")]
    provider: Name
    model: str
    prices: DatedPrices | None = None
    weight: Annotated[float, Field(gt=0, description="Its share of the calls, among deployments of a model.")] = 1.0
    concurrency: Annotated[int | None, Field(ge=1, description="Calls open at once, in one process.")] = None
    requests_per_minute: Annotated[int | None, Field(ge=1, description="Over all processes.")] = None
    tokens_per_minute: Annotated[int | None, Field(ge=1, description="Over all processes.")] = None
    context_window: Annotated[int | None, Field(ge=1, description="Tokens; a longer prompt goes elsewhere.")] = None
    max_output_tokens: Annotated[
        int | None, Field(ge=1, description="Of one answer; a budget sets so many aside where the caller has no limit.")
    ] = None
    residency: Annotated[Residency | None, Field(description="The provider's, where it is not named.")] = None
    capabilities: Annotated[
        frozenset[Capability] | None, Field(description="What it can do, for the router; all of it, where not named.")
    ] = None
    timeouts: Timeouts = Timeouts()

    def provider_model(self, asked: str) -> str:
        """What the provider calls the model."""
        return self.model.replace("{model}", asked)


class Model(Entry):
    """A name that callers use: exact, or a prefix with one `*` at its end.

    Its deployments are of equal rank: a call goes to one that is less busy and answers sooner. `fallbacks` are models
    to try, in order, where none of them answers; `context_window_fallbacks` those for a prompt that is too long.
    """

    name: Annotated[str, Field(pattern=r"^[^\s*]*\*?$", min_length=1, max_length=128)]
    deployments: Annotated[list[Deployment], Field(min_length=1)]
    fallbacks: Annotated[list[ModelName], Field(default_factory=list)]
    context_window_fallbacks: Annotated[list[ModelName], Field(default_factory=list)]
    hedge_after: Annotated[
        float | None, Field(gt=0, description="Seconds without a first token after which a second call is made; never.")
    ] = None
    cache: ModelCache = ModelCache()
    quality: Annotated[
        float | None, Field(description="For the router: what your own evaluation says, more is better.")
    ] = None

    @property
    def is_pattern(self) -> bool:
        return self.name.endswith("*")


class Catalog(Entry):
    """All providers and models. The first model whose name fits is taken, exact names before patterns."""

    providers: Annotated[list[Provider], Field(min_length=1)]
    models: Annotated[list[Model], Field(min_length=1)]
    router: Router = Router()

    @model_validator(mode="after")
    def _names_resolve(self) -> "Catalog":
        _refuse_twice("provider", {("providers", n): entry.name for n, entry in enumerate(self.providers)})
        _refuse_twice("model", {("models", n): entry.name for n, entry in enumerate(self.models)})
        deployments = {
            ("models", n, "deployments", m): deployment
            for n, model in enumerate(self.models)
            for m, deployment in enumerate(model.deployments)
        }
        _refuse_twice("deployment", {loc: deployment.name for loc, deployment in deployments.items()})
        known = {provider.name for provider in self.providers}
        for loc, deployment in deployments.items():
            if deployment.provider not in known:
                message = f"{deployment.name} names a provider that is not there: {deployment.provider}"
                raise _wrong_at((*loc, "provider"), message)
        for n, model in enumerate(self.models):
            for field in ("fallbacks", "context_window_fallbacks"):
                for m, fallback in enumerate(getattr(model, field)):
                    if self.resolve(fallback) is None:
                        message = f"{model.name} falls back on a model that is not there: {fallback}"
                        raise _wrong_at(("models", n, field, m), message)
        exact = {model.name for model in self.models}
        for place, message in mistakes(self.router, lambda name: self.resolve(name) is not None, exact):
            raise _wrong_at(("router", *place), message)
        return self

    def alias(self, asked: str) -> Alias | None:
        """The router's alias of that name, unless a model has it: exact names go first, then aliases, then patterns."""
        if any(model.name == asked for model in self.models):
            return None
        return self.router.alias(asked)

    def cache_of(self, asked: str) -> ModelCache:
        """How answers to requests for that name are given again: an alias's, or a model's."""
        if (alias := self.alias(asked)) is not None:
            return alias.cache or self.router.cache
        model = self.resolve(asked)
        return ModelCache() if model is None else model.cache

    def knows(self, asked: str) -> bool:
        """Whether a request may ask for that name."""
        return self.alias(asked) is not None or self.resolve(asked) is not None

    def resolve(self, asked: str) -> Model | None:
        """The model behind a name, or None."""
        for model in self.models:
            if model.name == asked:
                return model
        for model in self.models:
            if model.is_pattern and asked.startswith(model.name[:-1]):
                return model
        return None

    def residency(self, deployment: Deployment) -> Residency:
        """Where a deployment's prompts go."""
        return deployment.residency or self.provider(deployment.provider).residency

    def provider(self, name: str) -> Provider:
        """The provider of that name; `KeyError` where there is none."""
        return self._providers[name]

    def deployments(self) -> Mapping[str, Deployment]:
        """Every deployment by its name."""
        return self._deployments

    def model_of(self, deployment: str | None) -> Model | None:
        """The model that a deployment is one of."""
        return self._models.get(deployment or "")

    @cached_property
    def choice(self) -> str:
        """What the router chooses by and among, as SHA-256: where it is another one, `auto` may be another model."""
        section = self.router.model_dump(mode="json", exclude={"shadow", "cache"})
        models = [
            [model.name, model.quality, [[each.provider, each.model] for each in model.deployments]]
            for model in self.models
        ]
        return hashlib.sha256(orjson.dumps([section, models], option=orjson.OPT_SORT_KEYS)).hexdigest()

    @cached_property
    def _models(self) -> dict[str, Model]:
        return {deployment.name: model for model in self.models for deployment in model.deployments}

    @cached_property
    def _providers(self) -> dict[str, Provider]:
        return {provider.name: provider for provider in self.providers}

    @cached_property
    def _deployments(self) -> dict[str, Deployment]:
        return {deployment.name: deployment for model in self.models for deployment in model.deployments}


def call_timeouts(provider: Provider, deployment: Deployment) -> CallTimeouts:
    """A deployment's timeouts: its own, else its provider's, else the defaults."""
    found: dict[str, Any] = {"first_token": None, "between_tokens": None, **_DEFAULT_TIMEOUTS}
    for timeouts in (provider.timeouts, deployment.timeouts):
        found |= timeouts.model_dump(exclude_none=True)
    return CallTimeouts(**found)


def _refuse_twice(what: str, names: Mapping[Loc, str]) -> None:
    seen: set[str] = set()
    for loc, name in names.items():
        if name in seen:
            raise _wrong_at((*loc, "name"), f"the {what} {name} is there twice")
        seen.add(name)


def _wrong_at(loc: Loc, message: str) -> PydanticCustomError:
    return PydanticCustomError("catalog", "{message}", {"message": message, "loc": loc})
