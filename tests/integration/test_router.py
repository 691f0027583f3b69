"""The router among real parts: what it chooses, what it writes down, and which prompts never leave the house.

Whatever is outside has a name of its own at the simulator, which counts by it: a call that went out can't be missed.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pytest
from nats.aio.msg import Msg

from contracts import envelope, subjects
from contracts.errors import ErrorCode
from contracts.inference import OPENAI_RESPONSES
from contracts.retrieval import ClosenessAnswered
from contracts.subjects import Lane
from infra.catalog.trained import EXAMPLES, TrainedBucket
from infra.streams import ROUTED
from tests.support.logs import RecordedLog
from tests.support.pipeline import TENANT, Pipeline, Stored
from tests.support.reliability import INSIDE, OUTSIDE, WORKERS, answered, ask, refused, usage_rows
from tests.support.simulator import Simulator
from tests.support.waiting import eventually
from tests.support.workers import StartWorkers
from workers.provider.breaker import STREAK

SECRET = "the turbine plan"
MAX_PAYLOAD = 1024 * 1024
OUT = "sim-small@tokens=31"
"""What every deployment outside is called at the simulator."""
IN, BROKEN = "sim-small@tokens=32", "sim-error-500@tokens=33"


def model(name: str, *deployments: tuple[str, str], **fields: Any) -> dict[str, Any]:
    """`deployments`: a provider, and the model there."""
    listed = [
        {"name": f"{name}-{n}", "provider": provider, "model": real, "prices": {"input": n + 1, "output": n + 1}}
        for n, (provider, real) in enumerate(deployments)
    ]
    return {"name": name, "deployments": listed, **fields}


MODELS = [
    model("small", (OUTSIDE, OUT)),
    model("large", (OUTSIDE, OUT)),
    model("inside", (INSIDE, IN)),
    # Each leads outside in another way, once what is inside fails.
    model("falls-back", (INSIDE, BROKEN), fallbacks=["small"]),
    model("mixed", (INSIDE, BROKEN), (OUTSIDE, OUT)),
    model("hedged", (INSIDE, "sim-small@latency=1500"), (OUTSIDE, OUT), hedge_after=0.05),
    model("short", (INSIDE, "sim-context-window@window=5"), context_window_fallbacks=["small"]),
    model("mended", (OUTSIDE, OUT), fallbacks=["inside"]),
]
ROUTER = {
    "classes": [
        {"name": "faq", "models": ["small", "inside"]},
        {"name": "code", "models": ["large", "inside"]},
        {"name": "general", "models": ["small"]},
        {"name": "internal", "models": ["inside"], "residency": "local"},
    ],
    "aliases": [{"name": "any", "models": ["falls-back", "mixed", "small", "hedged"]}],
    "rules": [{"name": "batch", "when": "lane == 'batch'", "models": ["large"]}],
    "confidential": [{"tenant": TENANT, "threshold": 0.7}],
    "shadow": ["small"],
}
QUESTION, PROGRAM = "where is my parcel, it should have come", "Write a Python function that reverses a list."


@pytest.fixture
def catalog(tmp_path: Path, simulator: Simulator) -> Path:
    """Instead of everyone's: some models outside, some inside, and a router."""
    providers = [
        {"name": name, "kind": "openai", "base_url": f"{simulator.url}/v1", "residency": residency}
        for name, residency in ((OUTSIDE, "external"), (INSIDE, "local"))
    ]
    path = tmp_path / "catalog.yaml"
    path.write_text(json.dumps({"providers": providers, "models": MODELS, "router": ROUTER}), encoding="utf-8")
    return path


@asynccontextmanager
async def documents(pipeline: Pipeline, secret: str = SECRET) -> AsyncIterator[None]:
    """In the place of the retrieval worker: a prompt with `secret` in it is close to a confidential store."""

    async def compare(message: Msg) -> None:
        texts = " ".join(orjson.loads(message.data)["texts"])
        answer = ClosenessAnswered(closest=0.9 if secret in texts else 0.1, store_id="vs_plans")
        await message.respond(answer.model_dump_json().encode())

    subscription = await pipeline.client.subscribe(subjects.closeness_requested("*"), cb=compare)
    try:
        yield
    finally:
        await subscription.unsubscribe()


async def test_a_model_is_chosen_by_the_class_of_the_prompt_and_the_books_say_so(
    pipeline: Pipeline, workers: StartWorkers
) -> None:
    async with documents(pipeline), workers(*WORKERS):
        question = await answered(pipeline, "auto", content=QUESTION)
        program = await answered(pipeline, "auto", content=PROGRAM)
        batch = await answered(pipeline, "auto", content=PROGRAM, lane=Lane.BATCH)
        (row,) = await usage_rows(pipeline, program.request_id, 1)
    assert (question.deployment, question.route) == ("small-0", "auto/faq/small")
    assert (program.deployment, program.route, program.model) == ("large-0", "auto/code/large", "auto")
    assert program.decision is not None
    assert (program.decision.name, program.decision.policy) == ("code", "listed")
    assert (program.decision.confidence or 0) > 0.4
    assert program.decision.candidates == ("large", "inside")
    assert [(one.model, one.reason) for one in program.decision.passed_over] == [("inside", "rank")]
    assert batch.route == "auto/rule:batch/large"
    assert batch.decision is not None
    assert (batch.decision.rule, batch.decision.confidence) == ("batch", None)
    assert (row["route"], row["model"], row["deployment"]) == ("auto/code/large", "auto", "large-0")


async def test_a_shadow_decision_is_written_down_and_changes_nothing(pipeline: Pipeline, workers: StartWorkers) -> None:
    async with documents(pipeline), workers(*WORKERS):
        found = await answered(pipeline, "small", content=PROGRAM)
    assert (found.deployment, found.route) == ("small-0", "alias~auto/code/large")


async def test_a_prompt_about_internal_documents_stays_in_the_house_whatever_fails(
    pipeline: Pipeline, workers: StartWorkers, simulator: Simulator
) -> None:
    """Fallbacks, other deployments, later models of the router, hedges, fallbacks for long prompts; with retries and
    with breakers that open after some of the requests.
    """
    ways_out = ("falls-back", "mixed", "hedged", "short")
    async with documents(pipeline), workers(*WORKERS):
        for name in (*ways_out, "mended", "auto", "any"):
            for _ in range(STREAK + 2 if name in {"falls-back", "mixed"} else 1):
                request_id = await ask(pipeline, name, content=f"What does {SECRET} say about the gates?", seconds=3)
                await eventually(partial(pipeline.terminals, request_id), within=15, what=f"nothing of {name}")
        assert OUT not in simulator.stats()["by_model"]
        routed = [message.headers for message in await pipeline.stored(ROUTED)]
        assert all(headers[envelope.RESIDENCY] == "local" for headers in routed)
        assert all(headers[envelope.CONFIDENTIAL] == "true" for headers in routed)
        # The same models do lead outside with any other prompt.
        others = {
            name: (await answered(pipeline, name, content="What about the weather?")).deployment for name in ways_out
        }
    assert others == {"falls-back": "small-0", "mixed": "mixed-1", "hedged": "hedged-1", "short": "small-0"}


async def test_where_nothing_inside_is_left_that_is_a_clear_refusal(
    pipeline: Pipeline, workers: StartWorkers, simulator: Simulator
) -> None:
    async with documents(pipeline), workers(*WORKERS):
        for name in ("small", "large"):
            found = await refused(pipeline, name, content=f"Summarise {SECRET}.")
            assert (found.error.code, found.attempts) == (ErrorCode.RESIDENCY_UNAVAILABLE, 0)
            assert "marked confidential" in found.error.message
        elsewhere = await answered(pipeline, "small", content="Summarise the weather report.")
    assert elsewhere.deployment == "small-0"
    assert simulator.stats()["calls"] == 1


async def test_what_can_not_be_compared_stays_inside(
    pipeline: Pipeline, workers: StartWorkers, log: RecordedLog
) -> None:
    async with workers(*WORKERS):
        found = await refused(pipeline, "small", content="hello")
        inside = await answered(pipeline, "inside", content="hello")
    assert found.error.code == ErrorCode.RESIDENCY_UNAVAILABLE
    assert inside.deployment == "inside-0"
    assert log.events("closeness_unknown")


async def respond(pipeline: Pipeline, model: str, text: str, after: str | None = None) -> Stored:
    """The end of a request for a response, which goes on `after` another one."""
    asked = {"model": model, "input": text, **({"previous_response_id": after} if after else {})}
    request_id = await pipeline.publish_request(api=OPENAI_RESPONSES, request=asked)
    (end,) = await eventually(partial(pipeline.terminals, request_id), within=15, what=f"nothing of {model}")
    return end


async def test_what_goes_on_from_an_answer_of_the_cache_stays_in_the_house_as_that_did(
    pipeline: Pipeline, workers: StartWorkers, simulator: Simulator
) -> None:
    question, go_on = f"What does {SECRET} say?", "And then?"
    async with workers("validation", "cache", *WORKERS):
        async with documents(pipeline):

            async def hit() -> str | None:
                body = (await respond(pipeline, "mended", question)).json()
                return body["response"]["id"] if body["cache"] == "hit" else None

            again = await eventually(hit, within=15, what="no hit")
        # As the newest words of a long conversation would be: none of it is close by itself.
        async with documents(pipeline, secret="nothing of this"):
            for name in ("falls-back", "mixed", "hedged", "mended"):
                end = await respond(pipeline, name, go_on, after=again)
                assert end.headers[envelope.CONFIDENTIAL] == "true", name
            assert OUT not in simulator.stats()["by_model"]
            await respond(pipeline, "mixed", go_on)
    assert simulator.stats()["by_model"][OUT] == 1


async def test_a_class_that_is_bound_to_the_house_is_not_led_outside(
    pipeline: Pipeline, workers: StartWorkers, simulator: Simulator
) -> None:
    prompt = "According to our internal security handbook, who may approve a visitor in the server room?"
    async with documents(pipeline), workers("validation", "cache", *WORKERS):
        found = (await respond(pipeline, "auto", prompt)).json()
        later = (await respond(pipeline, "small", "And who else?", after=found["response"]["id"])).json()
    assert (found["deployment"], found["route"]) == ("inside-0", "auto/internal/inside")
    assert later["error"]["code"] == ErrorCode.RESIDENCY_UNAVAILABLE
    assert OUT not in simulator.stats()["by_model"]


async def test_other_examples_are_trained_with_while_the_worker_runs(
    pipeline: Pipeline, workers: StartWorkers, log: RecordedLog
) -> None:
    swapped = {"faq": [PROGRAM, "def f(): pass", "a class in Java"], "code": [QUESTION, "my refund", "opening hours"]}
    bucket = TrainedBucket(pipeline.js)

    async def route() -> str | None:
        return (await answered(pipeline, "auto", content=PROGRAM)).route

    async with documents(pipeline), workers(*WORKERS):
        assert await route() == "auto/code/large"
        await bucket.put(EXAMPLES, b"no: [", MAX_PAYLOAD)
        await eventually(lambda: log.events("router_training_refused"), within=15)
        await bucket.put(EXAMPLES, orjson.dumps({**swapped, "general": ["x"]}), MAX_PAYLOAD)

        async def swapped_over() -> bool:
            return await route() == "auto/faq/small"

        await eventually(swapped_over, within=20, what="the new examples are not trained with")
        version = await bucket.put(EXAMPLES, b"", MAX_PAYLOAD)
        await eventually(lambda: log.events("router_training_taken_over")[-1]["version"] == version, within=15)
        await eventually(lambda: _is(route, "auto/code/large"), within=20, what="not back to the shipped ones")


async def _is(route: Any, wanted: str) -> bool:
    return await route() == wanted
