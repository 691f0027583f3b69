"""What panels and rules ask of Prometheus, and what the processes can tell it."""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import yaml
from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from infra.telemetry.labels import Capped
from infra.telemetry.metrics import (
    ApiMetrics,
    BudgetMetrics,
    EmbeddingMetrics,
    IndexingMetrics,
    LedgerMetrics,
    ProviderMetrics,
    RetrievalMetrics,
    SemanticMetrics,
)
from infra.telemetry.prompt_metrics import CacheMetrics, GenAiMetrics, RouteMetrics
from infra.telemetry.queues import QueueMetrics
from infra.telemetry.stage_metrics import StageMetrics, new_registry

ROOT = Path(__file__).parents[2]
DASHBOARDS = sorted((ROOT / "infra" / "grafana" / "dashboards").glob("*.json"))
RULES = ROOT / "infra" / "prometheus" / "rules" / "penstock.yaml"
PROMETHEUS_OWN = {"up": frozenset({"job", "instance", "worker"}), "ALERTS": frozenset({"alertstate"})}
"""What Prometheus makes itself, with the labels that are used of it."""
TARGET_LABELS = frozenset({"job", "instance", "worker", "le"})
_ALL = (
    *(ApiMetrics, BudgetMetrics, CacheMetrics, EmbeddingMetrics, IndexingMetrics, LedgerMetrics, ProviderMetrics),
    *(QueueMetrics, RetrievalMetrics, RouteMetrics, SemanticMetrics, StageMetrics),
)
_WORDS = frozenset(
    ["and", "or", "unless", "by", "without", "on", "ignoring", "group_left", "group_right", "bool", "offset"]
)
_STRING = re.compile(r"\"(?:\\.|[^\"\\])*\"")
_VARIABLE = re.compile(r"\[[^\]]*\]")
_GROUPING = re.compile(r"\b(by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")
_SELECTOR = re.compile(r"(?<![\w:])([a-zA-Z_:][\w:]*+)(?!\s*\()\s*(\{[^}]*\})?")
"""A name that calls no function and doesn't end a number, and what stands in braces behind it."""
_MATCHER = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")
_LEGEND = re.compile(r"\{\{\s*(\w+)\s*\}\}")


@dataclass(frozen=True, slots=True)
class Query:
    """One expression, where it stands, and the labels that its legend names."""

    where: str
    expression: str
    legend: frozenset[str] = frozenset()

    @property
    def selectors(self) -> list[tuple[str, frozenset[str]]]:
        """The samples that it names, each with the labels that it is chosen by."""
        bare = _VARIABLE.sub("", _GROUPING.sub("", _STRING.sub('""', self.expression)))
        found = []
        for match in _SELECTOR.finditer(bare):
            name, matchers = match.group(1), match.group(2) or ""
            if name not in _WORDS:
                found.append((name, frozenset(_MATCHER.findall(matchers))))
        return found

    @property
    def grouped_by(self) -> frozenset[str]:
        """The labels of all its `by (…)`."""
        lists = [names for _, names in _GROUPING.findall(_STRING.sub('""', self.expression))]
        return frozenset(name.strip() for names in lists for name in names.split(",") if name.strip())


def panels(dashboard: Path) -> list[dict[str, Any]]:
    """All panels that show something."""
    board = json.loads(dashboard.read_text())
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def panel_queries() -> Iterator[Query]:
    """What the dashboards ask, variables included."""
    for path in DASHBOARDS:
        for panel in panels(path):
            for target in panel["targets"]:
                legend = frozenset(_LEGEND.findall(target.get("legendFormat", "")))
                yield Query(f"{path.stem}: {panel['title']}", target["expr"], legend)
        for variable in json.loads(path.read_text())["templating"]["list"]:
            if variable["type"] == "query":
                inner = re.fullmatch(r"label_values\((\w+), (\w+)\)", variable["definition"])
                assert inner is not None, variable
                yield Query(f"{path.stem}: ${variable['name']}", inner.group(1), frozenset({inner.group(2)}))


def alerts() -> list[dict[str, Any]]:
    """The alerts of all groups."""
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def rule_queries() -> Iterator[Query]:
    """What the alerts ask; what their sentences say of labels is their legend."""
    for rule in alerts():
        named = re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"])
        yield Query(rule["alert"], rule["expr"], frozenset(named))


def all_metrics() -> CollectorRegistry:
    """What the processes count, before they have counted anything."""
    registry = new_registry()
    for metrics in _ALL:
        metrics(registry)
    GenAiMetrics(registry, Capped(1))
    return registry


def declared() -> dict[str, frozenset[str]]:
    """Every sample that the processes can export, with its labels."""
    return dict(_samples(all_metrics()))


@dataclass(frozen=True, slots=True)
class Scraped:
    """What processes export: the metrics, the labels of each sample by its name, and which metrics carry exemplars."""

    families: set[str]
    samples: dict[str, list[dict[str, str]]]
    with_exemplars: set[str]


def scrape(urls: Iterable[str]) -> Scraped:
    """Ask each process as a Prometheus does that stores exemplars."""
    found = Scraped(set(), defaultdict(list), set())
    for url in urls:
        answer = httpx2.get(url, headers={"accept": "application/openmetrics-text; version=1.0.0"}, timeout=10)
        for family in text_string_to_metric_families(answer.raise_for_status().text):
            found.families.add(family.name)
            for sample in family.samples:
                found.samples[sample.name].append(sample.labels)
                if sample.exemplar:
                    found.with_exemplars.add(family.name)
    return found


def families(samples: Iterable[str]) -> set[str]:
    """The metrics that samples belong to, as scrapes have them in `# TYPE`."""
    return {re.sub(r"_(total|bucket|sum|count)$", "", name) for name in samples}


def _samples(registry: CollectorRegistry) -> Iterator[tuple[str, frozenset[str]]]:
    # The library tells a metric's labels only once it has been counted.
    for collector in list(registry._collector_to_names):
        labels = frozenset(getattr(collector, "_labelnames", ()))
        for family in collector.collect():
            suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}.get(family.type, ("",))
            for suffix in suffixes:
                yield f"{family.name}{suffix}", labels
