"""What is kept of an evaluation: with its version, and as a metric. Pure, but for the gauge."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from contracts.envelope import rfc3339
from contracts.retrieval import Measured, ReadBack
from infra.index.version import IndexVersion
from infra.telemetry.labels import LatestGauge

_MEASURES = ("ndcg", "recall", "mrr")


def kept(
    version: IndexVersion,
    measured: Sequence[Measured],
    read_back: ReadBack | None,
    sets: Collection[str],
    now: datetime,
) -> dict[str, Any]:
    """A version's quality: the new figures, and its own of other sets and modes that are still there to measure by.

    `{"measured": [as contracts.retrieval.Measured], "read_back": [as ReadBack], "measured_at": time}`.
    """
    before = version.quality or {}
    new = [each.model_dump() for each in measured]
    known = {_key(each) for each in new}
    old = [
        each
        for each in before.get("measured", ())
        if each["version"] == version.id and each["evaluation_set"] in sets and _key(each) not in known
    ]
    back = [each for each in before.get("read_back", ()) if each["version"] == version.id]
    return {
        "measured": sorted(old + new, key=_key),
        "read_back": back if read_back is None else [read_back.model_dump()],
        "measured_at": rfc3339(now),
    }


def gauged(gauge: LatestGauge, store_id: str, measured: Sequence[Measured]) -> None:
    """Show figures to whoever scrapes this process, until newer ones come."""
    for each in measured:
        for measure in _MEASURES:
            gauge.set((store_id, str(each.version), each.mode, each.evaluation_set, measure), getattr(each, measure))


def _key(measured: Mapping[str, Any]) -> tuple[str, str]:
    return measured["evaluation_set"], measured["mode"]
