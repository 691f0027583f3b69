"""The files that other people's servers read, checked with what of those servers there is."""

import re
import subprocess
from pathlib import Path

import yaml

from infra.embedded.nats import find_nats_server
from infra.nats_auth.files import NatsAuthFiles
from infra.nats_auth.generate import generate
from infra.settings import Settings
from tests.support.compose import ROOT, services
from workers.names import WORKERS

INFRA = ROOT / "infra"


def read(*parts: str) -> dict:
    return yaml.safe_load(INFRA.joinpath(*parts).read_text(encoding="utf-8"))


def test_nats_takes_its_configuration(tmp_path: Path):
    auth = NatsAuthFiles(tmp_path / "access")
    generate(auth, tmp_path / "accounts")
    text = (INFRA / "nats" / "nats.conf").read_text(encoding="utf-8")
    (tmp_path / "nats.conf").write_text(text.replace('"/data"', f'"{tmp_path}"'), encoding="utf-8")
    command = [find_nats_server(), "-t", "-c", tmp_path / "nats.conf"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr


def test_the_collector_keeps_what_the_settings_call_slow():
    policies = {
        policy["name"]: policy for policy in read("otel", "collector.yaml")["processors"]["tail_sampling"]["policies"]
    }
    assert policies["errors"]["status_code"] == {"status_codes": ["ERROR"]}
    assert policies["slow"]["latency"]["threshold_ms"] == Settings.model_fields["trace_slow"].default * 1000
    assert policies["share"]["type"] == "probabilistic"


def test_pipelines_are_of_parts_that_there_are():
    for config in (read("otel", "collector.yaml"), read("jaeger", "config.yaml")):
        assert set(config["service"].get("extensions", ())) == set(config.get("extensions", ()))
        for pipeline in config["service"]["pipelines"].values():
            for kind, names in pipeline.items():
                assert set(names) <= set(config[kind])


def test_prometheus_asks_every_process():
    jobs = {job["job_name"]: job for job in read("prometheus", "prometheus.yaml")["scrape_configs"]}
    (workers,) = jobs["workers"]["dns_sd_configs"]
    assert workers["names"] == [f"worker-{name}" for name in WORKERS]
    environment = services()["worker-cache"]["environment"]
    assert workers["port"] == int(environment["PENSTOCK_METRICS_PORT"])


def test_addresses_are_services():
    names = set(services()) | {"localhost"}
    texts = [
        (INFRA / "otel" / "collector.yaml").read_text(encoding="utf-8"),
        (INFRA / "docker" / "catalog.yaml").read_text(encoding="utf-8"),
        (INFRA / "grafana" / "provisioning" / "datasources" / "penstock.yaml").read_text(encoding="utf-8"),
    ]
    hosts = {host for text in texts for host in re.findall(r"(?:endpoint: |http://)([a-z][\w-]*):\d+", text)}
    assert hosts == {"jaeger", "prometheus", "simulator"}
    assert hosts <= names
