"""`penstock trace`: the wiring."""

import json
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.client import AsJson
from infra.telemetry import names

if TYPE_CHECKING:
    from cli.trace.spans import TraceSpan

_TRACE_ID = re.compile(r"[0-9a-f]{32}")
_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
_LOOK_AGAIN = 0.2

Traces = list[list["TraceSpan"]]


def trace(
    wanted: Annotated[str, typer.Argument(metavar="ID", help="A request id, a trace id, or a whole traceparent.")],
    data_dir: Annotated[Path, typer.Option(help="The data directory of the `penstock up` that ran it.")] = Path(
        ".penstock"
    ),
    jaeger: Annotated[
        str | None, typer.Option(help="Ask this Jaeger, as http://host:16686; PENSTOCK_JAEGER_URL by default.")
    ] = None,
    wait: Annotated[float, typer.Option(min=0, help="Seconds in which the last spans may come.")] = 3.0,
    as_json: AsJson = False,
) -> None:
    """Show one request as a waterfall: every hop, wait, call, retry and cost."""
    from cli.failures import CommandError

    source = _source(data_dir, jaeger)
    found = _patiently(lambda: source.find(wanted), wait)
    if not found:
        raise CommandError(f"{source.place} has no trace of «{wanted}»: it is older, was not sampled, or never was")
    if as_json:
        spans = [[asdict(span) for span in each] for each in found]
        return typer.echo(json.dumps(spans, ensure_ascii=False, indent=2))
    from cli.tables import console
    from cli.trace.shown import show
    from cli.trace.waterfall import waterfall_of

    for each in found:
        waterfall = waterfall_of(each)
        show(console(), replace(waterfall, within=source.within(waterfall.request_ids)))
    return None


def trace_id_of(wanted: str) -> str | None:
    """The trace id that an argument is, or holds; None for a request id."""
    whole = _TRACEPARENT.fullmatch(wanted)
    if whole:
        return whole[1]
    return wanted if _TRACE_ID.fullmatch(wanted) else None


@dataclass(frozen=True, slots=True)
class _Source:
    """Where traces are. `ids` finds them by an id and the attribute that it is; `place` is for a sentence."""

    ids: Callable[[str, str], list[str]]
    spans: Callable[[str], "list[TraceSpan]"]
    place: str

    def find(self, wanted: str) -> Traces:
        """The traces of a request id, or of a trace id. A request id of 32 hexadecimal digits looks like the latter."""
        known = trace_id_of(wanted)
        return (self._all([known]) if known else []) or self._all(self.ids(wanted, names.REQUEST_ID))

    def within(self, request_ids: Sequence[str]) -> tuple[str, ...]:
        """The traces that were begun in the name of these, as a re-index begins one for each document."""
        return tuple(dict.fromkeys(found for each in request_ids for found in self.ids(each, names.WITHIN)))

    def _all(self, trace_ids: Sequence[str]) -> Traces:
        return [spans for spans in map(self.spans, trace_ids) if spans]


def _source(data_dir: Path, jaeger: str | None) -> _Source:
    from infra.embedded.datadir import DataDirectory
    from infra.settings import load_settings

    settings = load_settings()
    url = jaeger or (str(settings.jaeger_url) if settings.jaeger_url else None)
    if url is not None:
        from cli.trace.jaeger import Jaeger

        asked = Jaeger(url)
        return _Source(asked.trace_ids, asked.trace, f"the Jaeger at {url}")
    from cli.trace.otlp import trace_ids_in, trace_in

    directory = settings.trace_dir or DataDirectory(data_dir).spans
    return _Source(partial(trace_ids_in, directory), partial(trace_in, directory), f"{directory}")


def _patiently(find: Callable[[], Traces], seconds: float) -> Traces:
    """Processes export about once a second: look again while something is missing."""
    from cli.trace.spans import is_whole

    until = time.monotonic() + seconds
    found = find()
    while not _all_whole(found, is_whole) and time.monotonic() < until:
        time.sleep(_LOOK_AGAIN)
        found = find()
    return found


def _all_whole(found: Traces, is_whole: Callable[[Sequence["TraceSpan"]], bool]) -> bool:
    return bool(found) and all(is_whole(spans) for spans in found)
