"""What is kept of an evaluation: with its version, and as a metric. Pure, but for the gauge."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from prometheus_client import Gauge

from contracts.envelope import rfc3339
from contracts.retrieval import Measured, ReadBack

_MEASURES = ("ndcg", "recall", "mrr")


def kept(
    before: Mapping[str, Any] | None,
    measured: Sequence[Measured],
    read_back: ReadBack | None,
    sets: Collection[str],
    now: datetime,
) -> dict[str, Any]:
    """A version's quality: the new figures, and those of other sets and modes that are still there to be measured by.

    `{"measured": [{evaluation_set, mode, ndcg, recall, mrr, queries}], "read_back": {sampled, found}, "measured_at"}`.
    """
    before = before or {}
    new = [each.model_dump(exclude={"version", "state"}) for each in measured]
    known = {_key(each) for each in new}
    old = [each for each in before.get("measured", ()) if _key(each) not in known and each["evaluation_set"] in sets]
    back = read_back.model_dump(exclude={"version"}) if read_back else before.get("read_back")
    return {"measured": sorted(old + new, key=_key), "read_back": back, "measured_at": rfc3339(now)}


def gauged(gauge: Gauge, store_id: str, measured: Sequence[Measured]) -> None:
    """Show figures to whoever scrapes this process, until newer ones come."""
    for each in measured:
        for measure in _MEASURES:
            labels = (store_id, str(each.version), each.mode, each.evaluation_set, measure)
            gauge.labels(*labels).set(getattr(each, measure))


def _key(measured: Mapping[str, Any]) -> tuple[str, str]:
    return measured["evaluation_set"], measured["mode"]
