"""The model catalogue: which providers there are, and which deployments stand behind a model's name."""

import os
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, HttpUrl, ValidationError, model_validator

from infra.settings import SettingsError

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Provider(_Entry):
    """A server that answers prompts. `api_key_env` names the variable that holds its key; a local one needs none."""

    name: Name
    kind: Literal["openai", "anthropic"]
    base_url: HttpUrl
    api_key_env: str | None = None
    timeout: Annotated[float, Field(gt=0, description="Seconds for a whole call.")] = 600.0
    connect_timeout: Annotated[float, Field(gt=0)] = 5.0

    def api_key(self, environ: Mapping[str, str] = os.environ) -> str:
        """The key, or a placeholder where none is named. Raises `SettingsError` where the variable is not set."""
        if self.api_key_env is None:
            return "none"
        if key := environ.get(self.api_key_env):
            return key
        raise SettingsError(f"provider {self.name} takes its key from {self.api_key_env}, which is not set.")


class Prices(_Entry):
    """Dollars per million tokens."""

    input: Annotated[Decimal, Field(ge=0)]
    output: Annotated[Decimal, Field(ge=0)]
    cached_input: Annotated[Decimal | None, Field(ge=0)] = None


class Deployment(_Entry):
    """One model of one provider. `{model}` in `model` stands for the name that was asked for."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_./:-]{1,128}$")]
    provider: Name
    model: str
    prices: Prices | None = None

    def provider_model(self, asked: str) -> str:
        """What the provider calls the model."""
        return self.model.replace("{model}", asked)


class Model(_Entry):
    """A name that callers use: exact, or a prefix with one `*` at its end. Deployments in order of preference."""

    name: Annotated[str, Field(pattern=r"^[^\s*]*\*?$", min_length=1, max_length=128)]
    deployments: Annotated[list[Deployment], Field(min_length=1)]

    @property
    def is_pattern(self) -> bool:
        return self.name.endswith("*")


class Catalog(_Entry):
    """All providers and models. The first model whose name fits is taken, exact names before patterns."""

    providers: Annotated[list[Provider], Field(min_length=1)]
    models: Annotated[list[Model], Field(min_length=1)]

    @model_validator(mode="after")
    def _names_resolve(self) -> "Catalog":
        _refuse_twice("provider", [provider.name for provider in self.providers])
        _refuse_twice("model", [model.name for model in self.models])
        deployments = [deployment for model in self.models for deployment in model.deployments]
        _refuse_twice("deployment", [deployment.name for deployment in deployments])
        known = {provider.name for provider in self.providers}
        for deployment in deployments:
            if deployment.provider not in known:
                unknown = f"{deployment.name} names a provider that is not there: {deployment.provider}"
                raise ValueError(unknown)
        return self

    def resolve(self, asked: str) -> Model | None:
        """The model behind a name, or None."""
        for model in self.models:
            if model.name == asked:
                return model
        for model in self.models:
            if model.is_pattern and asked.startswith(model.name[:-1]):
                return model
        return None

    def provider(self, name: str) -> Provider:
        """The provider of that name; `KeyError` where there is none."""
        return {provider.name: provider for provider in self.providers}[name]

    def deployments(self) -> dict[str, Deployment]:
        """Every deployment by its name."""
        return {deployment.name: deployment for model in self.models for deployment in model.deployments}


def load_catalog(path: Path | None) -> Catalog:
    """Read the catalogue. Raises `SettingsError` with the file and the place in it that is wrong."""
    if path is None:
        raise SettingsError("PENSTOCK_CATALOG is not set: name a model catalogue, or run `penstock up`.")
    try:
        raw: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"the model catalogue {path} can't be read: {error.strerror}.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingsError(f"the model catalogue {path} is no YAML: {' '.join(str(error).split())}") from None
    try:
        return Catalog.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise SettingsError(f"the model catalogue {path} is wrong at {place}: {first['msg']}.") from None


def _refuse_twice(what: str, names: list[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"the {what} {name} is there twice")
        seen.add(name)
