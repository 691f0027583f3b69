"""The runbook has a section for each alert, and names nothing that is not there."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
RULES: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((ROOT / "infra/prometheus/rules/penstock.yaml").read_text())["groups"]
    for rule in group["rules"]
]
HEADINGS = re.findall(r"^#+ (.+)$", TEXT, re.MULTILINE)


def anchor_of(heading: str) -> str:
    return re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_each_alert_has_a_section_that_its_rule_links_to(rule: dict[str, Any]):
    path, _, anchor = rule["annotations"]["runbook_url"].partition("#")
    assert path.endswith("docs/operations.md")
    assert anchor in {anchor_of(heading) for heading in HEADINGS}


def test_no_section_is_about_an_alert_that_is_no_more():
    told = {heading for heading in HEADINGS if heading.startswith("Penstock")}
    assert told == {rule["alert"] for rule in RULES}


def test_links_within_lead_to_a_heading():
    anchors = {anchor_of(heading) for heading in HEADINGS}
    assert [link for link in re.findall(r"\]\(#([^)]+)\)", TEXT) if link not in anchors] == []


def test_each_panel_that_is_named_is_on_a_dashboard():
    dashboards = "".join(path.read_text() for path in (ROOT / "infra/grafana/dashboards").glob("*.json"))
    named = re.findall(r"«([A-Z][^»]+)»", TEXT)
    assert named
    assert [panel for panel in named if f'"title": "{panel}"' not in dashboards] == []
