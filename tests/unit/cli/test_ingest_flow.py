"""Waiting for a busy platform, counting what became of each document, and how it is told."""

import httpx2
import openai
import pytest

from cli.failures import CommandError
from cli.ingest.command import attributes_of, settings_of
from cli.ingest.display import summary
from cli.ingest.patience import TRIES, patiently
from cli.ingest.tally import Tally

REQUEST = httpx2.Request("POST", "http://penstock/v1")


def status(code: int, **headers: str) -> openai.APIStatusError:
    response = httpx2.Response(
        code, headers={name.replace("_", "-"): value for name, value in headers.items()}, request=REQUEST
    )
    return openai.APIStatusError("no", response=response, body=None)


class Rig:
    """Answers with errors first; notes how long was slept, and what was told."""

    def __init__(self, *errors: Exception) -> None:
        self.errors, self.slept, self.told = list(errors), list[float](), list[str]()

    async def request(self) -> str:
        if self.errors:
            raise self.errors.pop(0)
        return "answer"

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    async def ask(self) -> str:
        return await patiently(self.request, self.told.append, sleep=self.sleep)


class TestPatience:
    @pytest.mark.parametrize("code", [429, 503])
    async def test_a_busy_platform_is_waited_for_as_long_as_it_says_however_often(self, code: int):
        rig = Rig(*(status(code, retry_after="7") for _ in range(TRIES * 3)))
        assert await rig.ask() == "answer"
        assert rig.slept == [7.0] * (TRIES * 3)
        assert rig.told == ["the platform is busy"] * (TRIES * 3) + [""]

    async def test_without_a_word_of_how_long_the_waits_grow(self):
        rig = Rig(*(status(503) for _ in range(9)))
        await rig.ask()
        assert rig.slept == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]

    @pytest.mark.parametrize("error", [openai.APIConnectionError(request=REQUEST), status(500)])
    async def test_what_is_broken_is_tried_a_few_times(self, error: Exception):
        assert await Rig(*[error] * (TRIES - 1)).ask() == "answer"
        with pytest.raises(type(error)):
            await Rig(*[error] * TRIES).ask()

    @pytest.mark.parametrize("code", [400, 401, 404, 413])
    async def test_what_is_wrong_is_not_tried_again(self, code: int):
        rig = Rig(status(code))
        with pytest.raises(openai.APIStatusError):
            await rig.ask()
        assert rig.slept == []


def tally(*, at: float = 0.0) -> Tally:
    moments = iter([0.0])
    return Tally(total=5, clock=lambda: next(moments, at))


class TestTally:
    def test_a_document_is_counted_once_however_it_ends(self):
        counted = tally()
        counted.accept("a", "1", is_there=False)
        counted.accept("b", "2", is_there=True)
        counted.end("a")
        counted.end("a")
        assert (counted.sent, counted.indexed, counted.unchanged, counted.done) == (2, 1, 1, 2)

    def test_a_failure_is_pending_no_more(self):
        counted = tally()
        counted.accept("a", "1", is_there=False)
        counted.fail("a", "damaged")
        assert (counted.pending, counted.failed, counted.done) == ({}, 1, 1)

    def test_the_rate_is_of_documents_that_can_be_found(self):
        counted = tally(at=2.0)
        assert counted.rate == 0
        counted.begin()
        counted.accept("a", "1", is_there=False)
        counted.end("a")
        assert counted.rate == 0.5


class TestSummary:
    def test_it_says_what_was_done(self):
        counted = tally()
        counted.indexed, counted.sent, counted.unchanged, counted.deleted = 3, 3, 2, 1
        (line,) = summary(counted, "docs")
        assert line.startswith("docs: 5 documents: 3 sent, 3 indexed, 0 failed, 2 unchanged, 1 deleted, in ")

    def test_it_gives_the_reasons_and_says_how_many_more_there_are(self):
        counted = tally()
        for number in range(22):
            counted.fail(f"{number}.pdf", "damaged")
        lines = summary(counted, "docs")
        assert lines[1] == "failed: 0.pdf: damaged"
        assert lines[-1] == "… and 2 more: `penstock store show docs` lists them."

    def test_it_says_where_to_look_for_those_that_are_on_their_way(self):
        counted = tally()
        counted.accept("a", "1", is_there=False)
        assert summary(counted, "docs")[1] == "1 are being indexed: `penstock store show docs`."


class TestOptions:
    def test_an_attribute_is_json_or_else_text(self):
        given = ["author=Ada", "year=2026", "draft=true", 'zip="01234"', "phone=01234", "odd={}", "note=a=b", "x=NaN"]
        assert attributes_of(given) == {
            "author": "Ada",
            "year": 2026,
            "draft": True,
            "zip": "01234",
            "phone": "01234",
            "odd": "{}",
            "note": "a=b",
            "x": "NaN",
        }

    @pytest.mark.parametrize("given", ["author", "=Ada"])
    def test_an_attribute_has_a_key_and_a_value(self, given: str):
        with pytest.raises(CommandError, match="is no KEY=VALUE"):
            attributes_of([given])

    def test_a_store_is_made_as_openais_are(self):
        assert settings_of(None, None, None) == {}
        assert settings_of("wordllama", 200, None) == {
            "embedding_model": "wordllama",
            "chunking_strategy": {
                "type": "static",
                "static": {"max_chunk_size_tokens": 200, "chunk_overlap_tokens": 0},
            },
        }
