"""A real Jaeger, where there is one: its binary is named by PENSTOCK_TEST_JAEGER, or is `jaeger` on the path."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

from infra.embedded.ports import free_ports
from tests.e2e.waiting import until

_STARTS_WITHIN = 30.0
_CONFIG = """\
service:
  extensions: [jaeger_storage, jaeger_query]
  pipelines:
    traces: {{receivers: [otlp], exporters: [jaeger_storage_exporter]}}
  telemetry: {{metrics: {{level: none}}}}
extensions:
  jaeger_storage: {{backends: {{memory: {{memory: {{max_traces: 1000}}}}}}}}
  jaeger_query:
    storage: {{traces: memory}}
    http: {{endpoint: "127.0.0.1:{query}"}}
    grpc: {{endpoint: "127.0.0.1:{grpc}"}}
receivers:
  otlp: {{protocols: {{http: {{endpoint: "127.0.0.1:{otlp}"}}}}}}
exporters:
  jaeger_storage_exporter: {{trace_storage: memory}}
"""


def jaeger_binary() -> str | None:
    """Where it is, or None."""
    return os.environ.get("PENSTOCK_TEST_JAEGER") or shutil.which("jaeger")


@dataclass(frozen=True, slots=True)
class RunningJaeger:
    """`query_url` is its query API's."""

    query_url: str
    otlp_url: str

    def take(self, body: bytes) -> None:
        """Store one OTLP request."""
        headers = {"content-type": "application/x-protobuf"}
        httpx2.post(f"{self.otlp_url}/v1/traces", content=body, headers=headers, timeout=10).raise_for_status()


@contextmanager
def running_jaeger(binary: str, home: Path) -> Iterator[RunningJaeger]:
    """A Jaeger on free ports with its spans in memory, for as long as the block runs."""
    query, grpc, otlp = free_ports(3)
    config = home / "jaeger.yaml"
    config.write_text(_CONFIG.format(query=query, grpc=grpc, otlp=otlp))
    jaeger = RunningJaeger(f"http://127.0.0.1:{query}", f"http://127.0.0.1:{otlp}")
    with (home / "jaeger.log").open("wb") as log:
        process = subprocess.Popen([binary, f"--config={config}"], stdout=log, stderr=subprocess.STDOUT)
    try:
        until(lambda: process.poll() is not None or _answers(jaeger), "an answer of Jaeger's", _STARTS_WITHIN)
        assert process.poll() is None, (home / "jaeger.log").read_text()[-2000:]
        yield jaeger
    finally:
        process.terminate()
        process.wait()


def _answers(jaeger: RunningJaeger) -> bool:
    try:
        return httpx2.get(f"{jaeger.query_url}/api/services", timeout=2).is_success
    except httpx2.HTTPError:
        return False
