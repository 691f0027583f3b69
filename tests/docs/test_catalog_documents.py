"""What the documents show of the model catalogue is one, and they tell of every field that there is."""

import re
from pathlib import Path

import pytest
import yaml

from infra.catalog import (
    Alias,
    Deployment,
    Model,
    Option,
    Prices,
    Provider,
    RouteClass,
    Router,
    Rule,
    Timeouts,
    parse_catalog,
)
from infra.catalog.conditions import FIELDS
from infra.catalog.entry import Entry
from infra.catalog.prices import Tier
from infra.catalog.router import Closeness, Difficulty

DOCS = Path(__file__).parents[2] / "docs"
DOCUMENTS = ("catalog.md", "providers.md", "router.md")
NAMED = (
    *("OpenAI", "Anthropic", "Azure OpenAI", "Ollama", "vLLM", "llama.cpp"),
    *("Groq", "Mistral", "DeepSeek", "Gemini", "OpenRouter"),
)
SNIPPETS = [
    pytest.param(snippet, id=f"{document}-{number}")
    for document in DOCUMENTS
    for number, snippet in enumerate(re.findall(r"```yaml\n(.*?)```", (DOCS / document).read_text(), re.DOTALL))
]


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_each_snippet_is_a_catalogue(snippet: str):
    assert parse_catalog(snippet.encode(), "the document").catalog.models


def test_the_snippets_fit_together_into_one_file():
    parts = [yaml.safe_load(snippet) for snippet in sections(DOCS / "providers.md").values()]
    whole = {key: [entry for part in parts[:-1] for entry in part[key]] for key in ("providers", "models")}
    assert len(parse_catalog(yaml.safe_dump(whole).encode(), "all of them").catalog.providers) == len(NAMED) + 1


@pytest.mark.parametrize("provider", NAMED)
def test_each_provider_has_its_snippet(provider: str):
    assert provider in sections(DOCS / "providers.md")


@pytest.mark.parametrize("entry", [Provider, Timeouts, Model, Deployment, Prices, Tier])
def test_every_field_is_told_of_and_shown(entry: type[Entry]):
    told = (DOCS / "catalog.md").read_text()
    shown = "".join(str(snippet.values[0]) for snippet in SNIPPETS)
    names = [field.alias or name for name, field in entry.model_fields.items()]
    assert [name for name in names if f"`{name}`" not in told or f"{name}:" not in shown] == []


@pytest.mark.parametrize("entry", [Router, RouteClass, Alias, Rule, Option, Closeness, Difficulty])
def test_every_field_of_the_router_is_told_of_and_shown(entry: type[Entry]):
    told = (DOCS / "router.md").read_text()
    names = [field.alias or name for name, field in entry.model_fields.items()]
    assert [name for name in names if f"`{name}`" not in told or f"{name}:" not in told] == []


def test_every_field_of_a_condition_is_told_of():
    told = (DOCS / "router.md").read_text()
    assert [name for name in FIELDS if f"`{name}`" not in told] == []


def sections(document: Path) -> dict[str, str]:
    """The snippet under each heading."""
    return dict(re.findall(r"^## (.*?)\n.*?```yaml\n(.*?)```", document.read_text(), re.DOTALL | re.MULTILINE))
