"""A question and its answer: the same through every front, from every provider, whole and streamed."""

from dataclasses import replace

from tests.e2e.running import Penstock
from tests.e2e.sdk.catalogue import MODELS
from tests.e2e.sdk.front import Front
from tests.e2e.sdk.matrix import behaviour, together
from tests.e2e.sdk.oracle import expected
from tests.e2e.sdk.prompts import Assistant, User

pytestmark = together
PIXEL = (
    "data:image/png;base64,"
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
LINK = "https://pictures.example/cat.png"
NO_STORE = {"Cache-Control": "no-store"}


@behaviour
async def test_a_question_is_answered(front: Front, question: str) -> None:
    prompt = front.prompt(question)
    answer = await front.whole(prompt)
    assert (answer.text, answer.usage) == expected(prompt)
    assert (answer.stop, answer.calls, answer.reasoning) == ("end", (), "")
    assert answer.model == MODELS["small"]


@behaviour
async def test_a_stream_is_the_same_in_pieces(front: Front, question: str) -> None:
    prompt = front.prompt(question)
    answer = await front.stream(prompt)
    assert (answer.text, answer.usage) == expected(prompt)
    assert (answer.stop, answer.calls, answer.reasoning) == ("end", (), "")
    assert answer.model == MODELS["small"]
    assert len(answer.pieces) > 10, "the tokens came in one piece"


@behaviour
async def test_the_helper_puts_a_stream_together(front: Front, question: str) -> None:
    prompt = front.prompt(question)
    answer = await front.helper(prompt)
    assert (answer.text, answer.usage) == expected(prompt)
    assert (answer.stop, answer.calls, answer.reasoning) == ("end", (), "")
    assert answer.model == MODELS["small"]
    assert answer.text == "".join(answer.pieces)


@behaviour
async def test_the_headers_say_what_happened(front: Front, question: str) -> None:
    whole, streamed = await front.whole(front.prompt(question)), await front.helper(front.prompt(f"{question}?"))
    for headers in (whole.headers, streamed.headers):
        assert len(headers["x-request-id"]) == 32
        assert headers["x-penstock-cache"] == "miss"
        assert headers["x-penstock-model"] == f"{front.cell.kind}/{front.cell.kind}-small"
        assert headers["x-penstock-route"]
        assert headers["x-penstock-attempts"] == "1"
    micro = round(float(whole.headers["x-penstock-cost-usd"]) * 1_000_000)
    assert micro == whole.usage.input + 2 * whole.usage.output


@behaviour
async def test_the_ledger_has_a_row_with_what_the_sdk_saw(front: Front, question: str, platform: Penstock) -> None:
    whole, streamed = await front.whole(front.prompt(question)), await front.helper(front.prompt(f"{question}?"))
    for answer in (whole, streamed):
        (row,) = platform.ledger(answer.request_id)
        assert (row["input_tokens"], row["output_tokens"]) == (answer.usage.input, answer.usage.output)
        assert (row["status"], row["estimated"], row["stream"]) == ("completed", False, answer is streamed)
        assert (row["provider"], row["provider_model"]) == (front.cell.kind, MODELS["small"])


@behaviour
async def test_a_system_prompt_is_heard(front: Front, question: str) -> None:
    prompt = front.prompt(question, system="Answer as a lighthouse keeper.")
    answer = await front.whole(prompt)
    assert (answer.text, answer.usage) == expected(prompt)
    assert expected(prompt) != expected(replace(prompt, system=None))


@behaviour
async def test_a_conversation_goes_on(front: Front, question: str) -> None:
    first = front.prompt(question, system="Be brief.")
    answer = await front.whole(first)
    longer = replace(first, turns=(*first.turns, answer, User("And then?"), Assistant("Nothing."), User("Why?")))
    last = await front.whole(longer)
    assert (last.text, last.usage) == expected(longer)


@behaviour
async def test_a_streamed_answer_goes_on_as_well(front: Front, question: str) -> None:
    first = front.prompt(question)
    answer = await front.helper(first)
    longer = replace(first, turns=(*first.turns, answer, User("And then?")))
    last = await front.helper(longer)
    assert (last.text, last.usage) == expected(longer)


@behaviour
async def test_images_are_seen(front: Front, question: str) -> None:
    for images in ((PIXEL,), (LINK,), (PIXEL, LINK)):
        prompt = front.prompt(User(question, images))
        answer = await front.whole(prompt)
        assert (answer.text, answer.usage) == expected(prompt)


@behaviour
async def test_an_answer_ends_at_its_limit_and_says_so(front: Front, question: str) -> None:
    prompt = front.prompt(question, max_tokens=8, headers=NO_STORE)
    for way in front.ways:
        answer = await way(prompt)
        assert (answer.text, answer.usage) == expected(prompt)
        assert (answer.stop, answer.usage.output) == ("length", 8)


@behaviour
async def test_an_answer_ends_before_a_stop_sequence(front: Front, question: str) -> None:
    """The answer repeats the question, in which this one is."""
    prompt = front.prompt(f"Hello stop here {question}", stop=" here", headers=NO_STORE)
    for way in front.ways:
        answer = await way(prompt)
        assert (answer.text, answer.stop) == ("Echo: Hello stop", "end")


@behaviour
async def test_reasoning_is_asked_for_and_counted(front: Front, question: str, platform: Penstock) -> None:
    prompt = front.prompt(question, effort="high", headers=NO_STORE)
    for answer in [await way(prompt) for way in front.ways]:
        assert answer.text.startswith("Echo: What is")
        assert answer.usage.reasoning >= 16
        assert answer.usage.output == answer.usage.reasoning + 20
        (row,) = platform.ledger(answer.request_id)
        assert row["reasoning_tokens"] == answer.usage.reasoning


@behaviour
async def test_reasoning_that_the_provider_shows_is_shown(front: Front, question: str) -> None:
    for way in front.ways:
        answer = await way(front.prompt(question, model="reason", effort="high", headers=NO_STORE))
        assert answer.reasoning.startswith("Let me think:")
        assert "Let me think" not in answer.text
