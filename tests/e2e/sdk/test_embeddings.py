"""`/v1/embeddings` by the `openai` SDK, over each kind of provider."""

import base64
import math
from array import array
from typing import Any

import openai
import pytest

from infra.simulator.embeddings import DIMENSIONS, vector_of
from tests.e2e.running import Penstock
from tests.e2e.sdk.conftest import Clients
from tests.e2e.sdk.front import Heard, got
from tests.e2e.sdk.matrix import APART, Cell, together

pytestmark = together
embeddings = APART["embeddings"]
OFFERED = ("openai", "azure-dated", "azure-v1")
MODEL = "sim-embedding"


class Embed:
    """What is asked of a cell's model."""

    def __init__(self, cell: Cell, clients: Clients) -> None:
        self.offered = cell.kind in OFFERED
        self.kind = cell.kind
        self._model = f"{cell.kind}-embedding"
        self._client = clients("openai", cell.mode)

    async def __call__(self, said: Any, **fields: Any) -> Any:
        """The answer, or None where the kind of provider has no embeddings: then that is what the error must say."""
        asked = {"model": self._model, "input": said, **fields}
        if self.offered:
            return await got(self._client.embeddings.create(**asked))
        with pytest.raises(openai.BadRequestError) as raised:
            await got(self._client.embeddings.create(**asked))
        assert (raised.value.status_code, raised.value.param) == (400, "model")
        assert "embeddings" in raised.value.body["message"]  # type: ignore[index]
        return None

    async def vectors(self, said: Any, **fields: Any) -> list[list[float]] | None:
        """The vectors in the order of the inputs."""
        answer = await self(said, **fields)
        if answer is None:
            return None
        assert [item.index for item in answer.data] == list(range(len(answer.data)))
        return [item.embedding for item in answer.data]


@pytest.fixture
def embed(cell: Cell, clients: Clients) -> Embed:
    return Embed(cell, clients)


def right(*inputs: Any, dimensions: int = DIMENSIONS) -> list[Any]:
    """The simulator's own vectors."""
    return [pytest.approx(list(vector_of(MODEL, said, dimensions)), abs=1e-6) for said in inputs]


@embeddings
async def test_a_text_is_embedded_in_the_sdks_own_encoding(embed: Embed, question: str) -> None:
    assert await embed.vectors(question) in (None, right(question))


@embeddings
async def test_numbers_can_be_asked_for(embed: Embed, question: str) -> None:
    assert await embed.vectors(question, encoding_format="float") in (None, right(question))


@embeddings
async def test_base64_that_is_asked_for_stays_base64(embed: Embed, question: str) -> None:
    answer = await embed(question, encoding_format="base64")
    if answer is not None:
        assert array("f", base64.b64decode(answer.data[0].embedding)).tolist() == right(question)[0]


@embeddings
async def test_as_many_dimensions_as_asked_for(embed: Embed, question: str) -> None:
    vectors = await embed.vectors(question, dimensions=8)
    assert vectors in (None, right(question, dimensions=8))
    assert vectors is None or math.isclose(math.hypot(*vectors[0]), 1, abs_tol=1e-5)


@embeddings
async def test_many_inputs_keep_their_order(embed: Embed, question: str) -> None:
    inputs = [f"{number}: {question}" for number in range(20)]
    assert await embed.vectors(inputs, dimensions=16) in (None, right(*inputs, dimensions=16))


@embeddings
async def test_tokens_are_taken(embed: Embed, question: str) -> None:
    tokens = list(question.encode())
    assert await embed.vectors(tokens) in (None, right(tokens))
    assert await embed.vectors([tokens, tokens[::-1]]) in (None, right(tokens, tokens[::-1]))


@embeddings
async def test_usage_is_told_and_in_the_ledger(embed: Embed, question: str, heard: Heard, platform: Penstock) -> None:
    answer = await embed([question, question])
    if answer is None:
        return
    assert answer.usage.prompt_tokens == answer.usage.total_tokens > 2
    (row,) = platform.ledger(heard.headers["x-request-id"])
    assert (row["input_tokens"], row["output_tokens"]) == (answer.usage.prompt_tokens, 0)
    assert (row["status"], row["api"], row["provider"]) == ("completed", "openai.embeddings", embed.kind)
    assert heard.headers["x-penstock-cache"] == "miss"


@embeddings
async def test_the_same_input_again_comes_from_the_cache(embed: Embed, question: str, heard: Heard) -> None:
    first = await embed.vectors(question)
    again = await embed.vectors(question)
    for _ in range(50):
        if first is None or heard.headers["x-penstock-cache"] == "hit":
            break
        again = await embed.vectors(question)
    assert first is None or heard.headers["x-penstock-cache"] == "hit"
    assert again == first


@embeddings
@pytest.mark.parametrize("said", ["", [], ["a", ""], [[]]])
async def test_an_input_that_is_none_is_named(cell: Cell, clients: Clients, said: Any) -> None:
    with pytest.raises(openai.BadRequestError) as raised:
        await got(clients("openai", cell.mode).embeddings.create(model=f"{cell.kind}-embedding", input=said))
    assert raised.value.param == "input"
