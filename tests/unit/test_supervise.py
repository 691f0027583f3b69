"""The options of `penstock up` on their way into the supervisor's own process."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from cli.options import UpOptions
from cli.supervise import options_from_text, options_to_text
from cli.targets import targets_of
from workers.names import WORKERS


@pytest.mark.parametrize(
    "options",
    [
        UpOptions(Path(".penstock")),
        UpOptions(Path("/data dir/é"), "::1", 1, 2, 3, 4, 5, True, Path("mine.yaml"), Path("ready.json")),
    ],
)
def test_options_survive(options: UpOptions) -> None:
    assert options_from_text(options_to_text(options)) == options


def test_metrics_have_a_free_port_or_consecutive_ones_from_the_first_on() -> None:
    platform = UpOptions(Path(".penstock"), port=8080, metrics_port=9464, processes=True)
    targets = targets_of(platform)
    assert [address.port for address in targets.workers.values()] == [9464 + index for index in range(len(WORKERS))]
    assert targets.urls["api"] == "http://127.0.0.1:8080/metrics"
    assert targets.urls["worker-cache"] == "http://127.0.0.1:9465/metrics"
    (free,) = targets_of(replace(platform, metrics_port=0, processes=False)).workers.values()
    assert free.port > 0


def test_prometheus_is_told_the_targets_with_the_labels_that_rules_and_panels_use() -> None:
    targets = targets_of(UpOptions(Path(".penstock"), host="0.0.0.0", port=8080, metrics_port=9464))
    assert json.loads(targets.prometheus()) == [
        {"targets": ["127.0.0.1:8080"], "labels": {"job": "api"}},
        {"targets": ["127.0.0.1:9464"], "labels": {"job": "workers", "worker": "all"}},
    ]
