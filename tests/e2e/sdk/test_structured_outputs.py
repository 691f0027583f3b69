"""Answers that are valid for a schema, read by the SDKs into the caller's own classes."""

from typing import Literal

import pytest
from pydantic import BaseModel, ConfigDict

from tests.e2e.running import Penstock
from tests.e2e.sdk.front import Front
from tests.e2e.sdk.matrix import behaviour, together

pytestmark = together
NO_STORE = {"Cache-Control": "no-store"}


class Wind(BaseModel):
    model_config = ConfigDict(extra="forbid")
    knots: int
    direction: Literal["north", "east", "south", "west"]


class Weather(BaseModel):
    model_config = ConfigDict(extra="forbid")
    city: str
    celsius: float
    sunny: bool
    winds: list[Wind]
    warning: str | None


@behaviour
async def test_parse_reads_the_answer(front: Front, question: str) -> None:
    answer = await front.parse(front.prompt(question, output=Weather))
    assert isinstance(answer.parsed, Weather)
    assert answer.parsed == Weather.model_validate_json(answer.text)
    assert answer.stop == "end"


@behaviour
async def test_the_helper_reads_a_streamed_answer(front: Front, question: str) -> None:
    prompt = front.prompt(question, output=Weather, headers=NO_STORE)
    streamed, whole = await front.helper(prompt), await front.parse(prompt)
    assert isinstance(streamed.parsed, Weather)
    assert (streamed.parsed, streamed.text, streamed.usage) == (whole.parsed, whole.text, whole.usage)
    assert len(streamed.pieces) > 10, "the tokens came in one piece"


@behaviour
@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")  # the SDK's own class, sent back by the SDK itself
async def test_an_answer_that_was_parsed_goes_on(front: Front, question: str) -> None:
    first = front.prompt(question, output=Weather)
    answer = await front.parse(first)
    last = await front.whole(front.prompt(question, answer, "And tomorrow?"))
    assert last.text.startswith("Echo: And tomorrow?")


@behaviour
async def test_the_ledger_has_its_tokens(front: Front, question: str, platform: Penstock) -> None:
    answer = await front.parse(front.prompt(question, output=Weather))
    (row,) = platform.ledger(answer.request_id)
    assert (row["input_tokens"], row["output_tokens"]) == (answer.usage.input, answer.usage.output)
