"""Dashboards and alert rules ask for what the processes export, and every alert says what to do."""

import json
import re
from pathlib import Path

import pytest

from tests.support.monitoring import (
    DASHBOARDS,
    PROMETHEUS_OWN,
    ROOT,
    TARGET_LABELS,
    Query,
    alerts,
    all_metrics,
    declared,
    families,
    panel_queries,
    panels,
    rule_queries,
)

QUERIES = [*panel_queries(), *rule_queries()]
KNOWN = declared() | PROMETHEUS_OWN
DOCUMENT = (ROOT / "docs" / "observability.md").read_text()


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.where)
def test_a_query_names_metrics_and_labels_that_are_exported(query: Query):
    asked = query.selectors
    assert asked
    for name, labels in asked:
        assert name in KNOWN, name
        assert labels <= KNOWN[name] | TARGET_LABELS, name
    of_all = frozenset().union(*(KNOWN[name] for name, _ in asked)) | TARGET_LABELS
    assert query.grouped_by | query.legend <= of_all


@pytest.mark.parametrize("query", [query for query in QUERIES if query.grouped_by], ids=lambda query: query.where)
def test_a_legend_names_labels_that_are_left(query: Query):
    assert query.legend <= query.grouped_by


def test_what_a_query_names_is_read_as_prometheus_reads_it():
    query = Query("", 'sum by (a, le) (rate(one_bucket{b=~"x{}(y)",c!="z"}[5m])) > 3e2 and on (d) (two offset 1d == 1)')
    assert query.selectors == [("one_bucket", frozenset("bc")), ("two", frozenset())]
    assert query.grouped_by == frozenset({"a", "le", "d"})


@pytest.mark.parametrize(
    "query",
    [query for query in rule_queries() if "increase(" in query.expression and not query.grouped_by],
    ids=lambda query: query.where,
)
def test_a_counter_that_an_alert_waits_for_is_there_before_it_counts(query: Query):
    """To Prometheus, one that appears as 1 has not increased."""
    registry = all_metrics()
    for name, label, value in re.findall(r"increase\((\w+)(?:\{(\w+)=\"(\w+)\"\})?", query.expression):
        assert registry.get_sample_value(name, {label: value} if label else {}) == 0.0


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_a_dashboard_can_be_provisioned(path: Path):
    board = json.loads(path.read_text())
    assert board["uid"] == f"penstock-{path.stem}"
    ids = [panel["id"] for panel in board["panels"]]
    assert len(ids) == len(set(ids))
    assert all(panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"} for panel in panels(path))
    assert board["templating"]["list"][0]["name"] == "datasource"
    for panel in panels(path):
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24, panel["title"]


def test_percentiles_of_time_show_exemplars():
    for path in DASHBOARDS:
        for panel in panels(path):
            timed = [target for target in panel["targets"] if "_seconds_bucket" in target["expr"]]
            if panel["type"] == "timeseries":
                assert all(target["exemplar"] for target in timed), panel["title"]


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: rule["alert"])
def test_an_alert_says_how_urgent_it_is_and_where_to_read_on(rule: dict[str, dict[str, str]]):
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert rule["annotations"]["runbook_url"] == f"docs/operations.md#{str(rule['alert']).lower()}"
    assert f"{rule['annotations']['dashboard']}" in {f"penstock-{path.stem}" for path in DASHBOARDS}


def test_the_document_lists_every_metric_and_no_other():
    listed = set(re.findall(r"^\| `(\w+)` \|", DOCUMENT, re.MULTILINE))
    assert listed == {name for name in families(declared()) if not name.startswith("process_")}


def test_the_document_lists_every_alert():
    assert {str(rule["alert"]) for rule in alerts()} <= set(re.findall(r"`(Penstock\w+)`", DOCUMENT))


def test_the_panels_that_the_document_names_are_there():
    titles = {(path.stem, panel["title"]) for path in DASHBOARDS for panel in panels(path)}
    rows = re.findall(r"^\| \d\. .*", DOCUMENT, re.MULTILINE)
    assert len(rows) >= 7
    for row in rows:
        named = re.findall(r"([a-z-]+): «([^»]+)»", row)
        assert named, row
        assert set(named) <= titles, row
