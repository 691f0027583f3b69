"""How far tenant and tags travel as W3C baggage: never past Penstock unless the setting says so."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from contracts import envelope
from infra.settings import Settings
from infra.streams import RESULTS
from tests.e2e.processes import Recorder, recorder
from tests.support.pipeline import TENANT, Pipeline
from tests.support.waiting import eventually
from tests.support.workers import StartWorkers

WORKERS = ("validation", "cache", "routing", "provider")
BAGGAGE = f"penstock.tenant={TENANT},penstock.tag.team=red"


@pytest.fixture
def upstream() -> Iterator[Recorder]:
    with recorder() as recorded:
        yield recorded


@pytest.fixture
def catalog(tmp_path: Path, upstream: Recorder) -> Path:
    provider = {"name": "outside", "kind": "openai", "base_url": f"{upstream.url}/v1"}
    deployment = {"name": "recorded", "provider": "outside", "model": "recorded"}
    models = [{"name": "recorded", "deployments": [deployment]}]
    file = tmp_path / "catalog.yaml"
    file.write_text(json.dumps({"providers": [provider], "models": models}), encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        (Settings.model_fields["baggage"].default, (BAGGAGE, None)),
        ("off", (None, None)),
        ("providers", (BAGGAGE, BAGGAGE)),
    ],
)
async def test_baggage_goes_as_far_as_the_setting_says(
    pipeline: Pipeline, workers: StartWorkers, upstream: Recorder, setting: str, told: tuple[str | None, str | None]
) -> None:
    await pipeline.configure(baggage=setting)
    theirs = {"baggage": "their.own=secret"}
    async with workers(*WORKERS):
        request_id = await pipeline.publish_request(model="recorded", headers=theirs, tags={"team": "red"})
        await eventually(lambda: pipeline.completed(request_id), within=15, what="no answer")
    (completed,) = [message for message in await pipeline.stored(RESULTS) if message.request_id == request_id]
    (sent,) = upstream.headers
    assert (completed.headers.get(envelope.BAGGAGE), sent.get("baggage")) == told
    assert "secret" not in str(sent)
