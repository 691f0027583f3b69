"""`/v1/messages/count_tokens` by the `anthropic` SDK, over each kind of provider."""

from typing import Any

import anthropic
import pytest

from tests.e2e.running import Penstock
from tests.e2e.sdk.front import got
from tests.e2e.sdk.matrix import APART, together
from tests.e2e.sdk.messages_front import MessagesFront, asked
from tests.e2e.sdk.prompts import Prompt, Tool, User
from tests.e2e.sdk.test_answers import PIXEL

pytestmark = together
counting = APART["count_tokens"]


async def counted(front: MessagesFront, prompt: Prompt) -> int:
    """How many tokens it is said to have."""
    fields = {name: value for name, value in asked(prompt).items() if name != "max_tokens"}
    count: Any = front.client.messages.count_tokens
    return int((await got(count(**fields))).input_tokens)


@counting
async def test_a_count_is_what_the_answer_is_charged_for_where_the_provider_counts(
    front: MessagesFront, question: str
) -> None:
    """Where it can't, the count is an estimate: of the right size, and larger for a larger prompt."""
    prompts = (
        front.prompt(question),
        front.prompt(question, system="Be brief."),
        front.prompt(question, system="Be brief.", tools=(Tool("get_weather"),)),
        front.prompt(User(question, (PIXEL,)), system="Be brief.", tools=(Tool("get_weather"), Tool("get_time"))),
    )
    counts = [await counted(front, prompt) for prompt in prompts]
    charged = [(await front.whole(prompt)).usage.input for prompt in prompts]
    if front.cell.kind == "anthropic":
        assert counts == charged
    else:
        assert counts == sorted(set(counts))
        assert all(real / 4 < count < real * 4 for count, real in zip(counts, charged, strict=True))


@counting
async def test_a_count_costs_nothing(front: MessagesFront, question: str, platform: Penstock) -> None:
    calls = platform.simulator_stats()["calls"]
    await counted(front, front.prompt(question))
    assert float(front.heard.headers["x-penstock-cost-usd"]) == 0
    if front.cell.kind != "anthropic":
        assert front.heard.headers["x-penstock-attempts"] == "0"
        assert platform.simulator_stats()["calls"] == calls
        return
    (row,) = platform.ledger(front.heard.headers["x-request-id"])
    assert (row["api"], row["status"], row["output_tokens"]) == ("anthropic.count_tokens", "completed", 0)
    assert row["cost_usd"] == 0


@counting
async def test_a_model_that_nobody_has_is_not_found(front: MessagesFront, question: str) -> None:
    with pytest.raises(anthropic.NotFoundError):
        await got(
            front.client.messages.count_tokens(
                model="model-of-nobody", messages=[{"role": "user", "content": question}]
            )
        )


@counting
async def test_a_version_must_be_named(front: MessagesFront, question: str) -> None:
    with pytest.raises(anthropic.BadRequestError, match="anthropic-version"):
        await got(
            front.client.messages.count_tokens(
                model=front.prompt(question).model,
                messages=[{"role": "user", "content": question}],
                extra_headers={"anthropic-version": anthropic.Omit()},
            )
        )
