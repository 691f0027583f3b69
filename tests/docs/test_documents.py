"""The documents say what is true: links lead somewhere, commands and settings exist, figures have their places."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from infra.settings import Settings

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), ROOT / "benchmarks" / "README.md"]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_relative_links_lead_somewhere(document: Path):
    links = re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text())
    missing = [link for link in links if not (document.parent / link).exists()]
    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_settings_that_are_named_exist(document: Path):
    named = set(re.findall(r"PENSTOCK_([A-Z_]+[A-Z])", document.read_text()))
    elsewhere = {"CONTRACTS_BASE", "SIM_LATENCY_MS", "SIM_TOKENS_PER_SECOND", "BASE_URL", "API_KEY"}
    elsewhere |= set(re.findall(r"\$\{PENSTOCK_([A-Z_]+)", (ROOT / "compose.yaml").read_text()))
    assert {name.lower() for name in named - elsewhere} <= set(Settings.model_fields)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_commands_that_are_named_exist(document: Path):
    named = set(re.findall(r"`penstock ([a-z]+(?:-[a-z]+)*)", document.read_text()))
    known = {command.name or command.callback.__name__ for command in app.registered_commands if command.callback}
    groups = {group.name for group in app.registered_groups}
    assert named <= known | groups


def test_the_readme_stays_short():
    assert len((ROOT / "README.md").read_text().splitlines()) < 150


def test_every_setting_has_a_description():
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


@pytest.mark.parametrize(
    "arguments",
    [
        *([], ["up"], ["worker"], ["simulate"], ["key"], ["dlq"], ["config"], ["contracts"], ["tenant"], ["nats-auth"]),
        *(["ingest"], ["search"], ["store"], ["reindex"], ["eval"]),
    ],
)
def test_every_command_explains_itself(arguments: list[str]):
    result = CliRunner().invoke(app, [*arguments, "--help"])
    assert result.exit_code == 0
    assert "Usage" in result.output
