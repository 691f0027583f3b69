"""Spans out of Jaeger's query API (https://www.jaegertracing.io/docs/2.x/architecture/apis/#query-json-over-http)."""

import json
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlencode

import httpx2

from cli.failures import CommandError
from cli.trace.spans import Happened, TraceSpan
from infra.telemetry import names

Json = Mapping[str, Any]
_PREFIX, _INGRESS = "penstock-", "penstock-api"
_PATIENCE = 10.0
_SPAN_KIND, _ERROR, _STATUS = "span.kind", "error", "otel.status_description"


class Jaeger:
    """One Jaeger. Every method raises `CommandError` where it can't be asked."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")

    def trace_ids(self, request_id: str, attribute: str = names.REQUEST_ID) -> list[str]:
        """The traces in which a span has this request id, or any id as another attribute: twenty at most.

        It is looked for service by service: Jaeger wants one.
        """
        services = sorted(
            (str(name) for name in self._get("/api/services") or () if str(name).startswith(_PREFIX)),
            key=lambda name: (name != _INGRESS, name),
        )
        for service in services:
            asked = {"service": service, "tags": json.dumps({attribute: request_id}), "lookback": "7d"}
            found = self._get(f"/api/traces?{urlencode(asked)}") or ()
            if found:
                return list(dict.fromkeys(str(trace["traceID"]) for trace in found))
        return []

    def trace(self, trace_id: str) -> list[TraceSpan]:
        """The spans of a trace; none where Jaeger has no such trace."""
        return [span for trace in self._get(f"/api/traces/{trace_id}") or () for span in spans_of(trace)]

    def _get(self, path: str) -> Any:  # noqa: ANN401 - whatever JSON came
        try:
            answer = httpx2.get(self._url + path, timeout=_PATIENCE)
            if answer.status_code == httpx2.codes.NOT_FOUND:
                return None
            answer.raise_for_status()
            return answer.json()["data"]
        except (httpx2.HTTPError, ValueError, KeyError, TypeError) as error:
            raise CommandError(f"no Jaeger answers at {self._url}: {str(error) or type(error).__name__}") from error


def spans_of(trace: Json) -> list[TraceSpan]:
    """The spans of one trace as Jaeger's JSON has it. Its times are in microseconds."""
    services = {key: str(process["serviceName"]) for key, process in trace["processes"].items()}
    return [_span(span, services.get(span["processID"], "")) for span in trace["spans"]]


def _span(span: Json, service: str) -> TraceSpan:
    said = _attributes(span["tags"])
    references = span.get("references") or ()
    own = str(span["traceID"])
    parents = [str(each["spanID"]) for each in references if each["refType"] == "CHILD_OF" and each["traceID"] == own]
    began = int(span["startTime"]) * 1000
    return TraceSpan(
        trace_id=own,
        span_id=str(span["spanID"]),
        parent_id=parents[0] if parents else "",
        name=str(span["operationName"]),
        kind=str(said.pop(_SPAN_KIND, "internal")).upper(),
        service=service,
        started_ns=began,
        ended_ns=began + int(span["duration"]) * 1000,
        attributes=said,
        events=[_event(log) for log in span.get("logs") or ()],
        error=str(said.get(_STATUS, "it failed")) if said.get(_ERROR) is True else None,
        links=[str(each["traceID"]) for each in references if each["traceID"] != own],
    )


def _event(log: Json) -> Happened:
    said = _attributes(log["fields"])
    return Happened(str(said.pop("event", "")), int(log["timestamp"]) * 1000, said)


def _attributes(tags: Iterable[Json]) -> dict[str, Any]:
    return {str(tag["key"]): tag["value"] for tag in tags}
