"""Rules and panels as Prometheus reads them, where there is a promtool: PENSTOCK_TEST_PROMTOOL, or on the path."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.support.compose import ROOT
from tests.support.monitoring import alerts, panel_queries

PROMETHEUS = ROOT / "infra" / "prometheus"
TESTS = PROMETHEUS / "tests" / "penstock.yaml"
PROMTOOL = os.environ.get("PENSTOCK_TEST_PROMTOOL") or shutil.which("promtool")
needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason="no promtool here")


def promtool(*arguments: str | Path) -> None:
    done = subprocess.run([str(PROMTOOL), *arguments], check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
def test_alerts_fire_when_they_should_and_say_what_they_should():
    promtool("check", "rules", PROMETHEUS / "rules" / "penstock.yaml")
    promtool("test", "rules", TESTS)


@needs_promtool
def test_each_panel_asks_something_that_prometheus_can_read(tmp_path: Path):
    # Grafana puts a time in the place of its own variables, and values in the place of the dashboard's.
    asked = [
        re.sub(r"\$(\w+)", "5m", re.sub(r"\"\$\{?(\w+)[^\"]*\"", '"a"', each.expression)) for each in panel_queries()
    ]
    rules = [{"record": f"panel:{number}", "expr": expression} for number, expression in enumerate(asked)]
    file = tmp_path / "panels.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}), encoding="utf-8")
    promtool("check", "rules", file)


def test_every_alert_that_pages_is_tried():
    tried = {
        each["alertname"]
        for case in yaml.safe_load(TESTS.read_text(encoding="utf-8"))["tests"]
        for each in case["alert_rule_test"]
        if each["exp_alerts"]
    }
    assert {str(rule["alert"]) for rule in alerts() if rule["labels"]["severity"] == "page"} <= tried
