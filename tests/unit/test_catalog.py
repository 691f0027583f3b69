"""The model catalogue: what a name resolves to, and which mistakes stop the start."""

from pathlib import Path

import pytest

from infra.catalog import Provider, load_catalog
from infra.settings import SettingsError

GOOD = """
providers:
  - {name: one, kind: openai, base_url: "http://127.0.0.1:1/v1"}
models:
  - {name: exact, deployments: [{name: one/exact, provider: one, model: real}]}
  - {name: "gpt-*", deployments: [{name: one/gpt, provider: one, model: "{model}"}]}
  - {name: gpt-5, deployments: [{name: one/five, provider: one, model: five}]}
"""


def load(tmp_path: Path, text: str):
    path = tmp_path / "catalog.yaml"
    path.write_text(text)
    return load_catalog(path)


@pytest.mark.parametrize(
    ("asked", "deployment", "provider_model"),
    [("exact", "one/exact", "real"), ("gpt-4o", "one/gpt", "gpt-4o"), ("gpt-5", "one/five", "five")],
)
def test_a_name_resolves_exactly_or_by_its_prefix(tmp_path: Path, asked: str, deployment: str, provider_model: str):
    model = load(tmp_path, GOOD).resolve(asked)
    assert model is not None
    assert model.deployments[0].name == deployment
    assert model.deployments[0].provider_model(asked) == provider_model


def test_a_name_that_nobody_knows_resolves_to_nothing(tmp_path: Path):
    assert load(tmp_path, GOOD).resolve("claude") is None


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("provider: one, model: real", "provider: two, model: real", "names a provider that is not there: two"),
        ("kind: openai", "kind: telepathy", "providers.0.kind"),
        ("name: exact", "name: gpt-5", "the model gpt-5 is there twice"),
        ("name: one/five", "name: one/gpt", "the deployment one/gpt is there twice"),
        ("model: real", "modell: real", "models.0.deployments.0"),
        ('"gpt-*"', '"*gpt*"', "models.1.name"),
        ("providers:", "providers: [", "is no YAML"),
        ("http://127.0.0.1:1/v1", "not a url", "providers.0.base_url"),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, old: str, new: str, said: str):
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, GOOD.replace(old, new, 1))
    assert said in str(caught.value)


def test_a_file_that_is_not_there_is_told(tmp_path: Path):
    with pytest.raises(SettingsError, match="can't be read"):
        load_catalog(tmp_path / "none.yaml")


def test_no_catalogue_at_all_is_told():
    with pytest.raises(SettingsError, match="PENSTOCK_CATALOG"):
        load_catalog(None)


def test_a_key_comes_from_the_environment_by_its_name():
    provider = Provider.model_validate(
        {"name": "p", "kind": "openai", "base_url": "http://x/v1", "api_key_env": "SOME_KEY"}
    )
    assert provider.api_key({"SOME_KEY": "secret"}) == "secret"
    with pytest.raises(SettingsError, match="SOME_KEY"):
        provider.api_key({})
