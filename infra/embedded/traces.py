"""Where the spans of one machine's platform go."""

from collections.abc import Mapping
from pathlib import Path

TRACE_DIR = "PENSTOCK_TRACE_DIR"
OTLP_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
"""OpenTelemetry's own variables: where either is set, spans go there."""


def trace_environ(spans: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """Spans stay in this directory, for `penstock trace`, unless the environment names another place for them."""
    elsewhere = any(environ.get(name) for name in (TRACE_DIR, *OTLP_ENDPOINTS))
    return {} if elsewhere else {TRACE_DIR: str(spans)}
