"""Chunks: what holds for any text, and where a text is cut."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from semantic_text_splitter import TextSplitter

from ingestion.chunking import OPENAI_STATIC, Chunk, ChunkerSettings, chunk
from ingestion.outline import outline_of
from ingestion.parsing import Kind, Parsed, parse
from ingestion.regions import REGION_CHARACTERS
from tests.support.files import pdf

SMALL = ChunkerSettings(tokens=20)
OVERLAPPING = ChunkerSettings(tokens=20, overlap=10)

BLOCKS = st.sampled_from(
    [
        "# Heading",
        "## Deeper heading",
        "A sentence of some words. And another one, which is a little longer than the first.",
        "- item\n- item\n  - nested item",
        "```python\ndef f(x):\n    return x + 1\n```",
        "~~~\nplain\n\nwith a blank line\n~~~",
        "```\n" + "a line of code that goes on\n" * 12 + "```",
        "| a | b |\n|---|---|\n| 1 | 2 |",
        "> quoted\n> ```\n> code\n> ```",
        "1. first\n\n   ```\n   in a list\n   ```",
        "漢字かな交じり文。改行なしで続く長い文章。" * 3,
        "word" * 40,
        "\U0001f469\u200d\U0001f469\u200d\U0001f467 zalgo: a\u0301\u0302\u0303",
        "\n\n\n\n",
    ]
)
MARKDOWN = st.lists(BLOCKS, max_size=12).map("\n\n".join)
ANY = st.text(max_size=600)
KINDS = st.sampled_from([Kind.MARKDOWN, Kind.TEXT, Kind.CODE])
SETTINGS = st.builds(
    lambda tokens, overlap: ChunkerSettings(tokens, min(overlap, tokens // 2)), st.integers(5, 60), st.integers(0, 30)
)


def tokens_fit(text: str, tokens: int) -> bool:
    return len(TextSplitter.from_tiktoken_model("text-embedding-3-small", tokens).chunks(text)) <= 1


def uncovered(text: str, chunks: list[Chunk]) -> str:
    covered, left = 0, ""
    for one in chunks:
        left += text[covered : max(covered, one.begin)]
        covered = max(covered, one.end)
    return left + text[covered:]


@given(text=MARKDOWN | ANY, kind=KINDS, how=SETTINGS)
@settings(deadline=None)
def test_chunks_are_parts_of_the_text_in_order_and_leave_out_only_white_space(
    text: str, kind: Kind, how: ChunkerSettings
):
    chunks = chunk(Parsed(text, kind), how)
    assert [one.ordinal for one in chunks] == list(range(len(chunks)))
    assert all(one.text == text[one.begin : one.end] and one.text.strip() for one in chunks)
    assert all(before.begin < after.begin and before.end < after.end for before, after in pairwise(chunks))
    assert not uncovered(text, chunks).strip()


@given(text=MARKDOWN | ANY, kind=KINDS, how=SETTINGS)
@settings(deadline=None)
def test_no_chunk_is_over_the_limit(text: str, kind: Kind, how: ChunkerSettings):
    for one in chunk(Parsed(text, kind), how):
        # A single grapheme may be longer than the smallest limits.
        assert tokens_fit(one.text, how.tokens) or len(one.text) == 1


@given(text=MARKDOWN, how=SETTINGS)
@settings(deadline=None)
def test_no_fence_that_fits_is_cut(text: str, how: ChunkerSettings):
    outline = outline_of(text)
    for one in chunk(Parsed(text, Kind.MARKDOWN), how):
        for place in (one.begin, one.end):
            fence = outline.fence_around(place)
            assert fence is None or not tokens_fit(text[slice(*fence)], how.tokens)


@given(text=MARKDOWN | ANY, kind=KINDS)
@settings(deadline=None)
def test_without_an_overlap_no_character_is_in_two_chunks(text: str, kind: Kind):
    chunks = chunk(Parsed(text, kind), SMALL)
    assert all(before.end <= after.begin for before, after in pairwise(chunks))


@given(text=MARKDOWN, how=SETTINGS)
@settings(deadline=None)
def test_an_overlap_is_no_longer_than_the_settings_say(text: str, how: ChunkerSettings):
    chunks = chunk(Parsed(text, Kind.MARKDOWN), how)
    for before, after in pairwise(chunks):
        shared = text[after.begin : before.end]
        assert not shared or tokens_fit(shared, how.overlap)


@given(text=MARKDOWN | ANY, how=SETTINGS)
@settings(deadline=None, max_examples=30)
def test_the_same_text_gives_the_same_chunks(text: str, how: ChunkerSettings):
    assert chunk(Parsed(text, Kind.MARKDOWN), how) == chunk(Parsed(text, Kind.MARKDOWN), how)


def test_a_text_that_fits_is_one_chunk():
    (one,) = chunk(Parsed("  A short text. \n", Kind.TEXT), SMALL)
    assert (one.text, one.begin, one.end) == ("A short text.", 2, 15)


def test_an_empty_text_has_no_chunks():
    assert chunk(Parsed(" \n\n ", Kind.MARKDOWN), SMALL) == []


def test_an_overlap_repeats_the_end_of_the_chunk_before():
    text = "".join(f"Sentence number {number} says something. " for number in range(12))
    chunks = chunk(Parsed(text, Kind.TEXT), OVERLAPPING)
    assert all(after.begin < before.end for before, after in pairwise(chunks))


def test_an_overlap_does_not_begin_within_a_fence():
    fence = "```\nx = 1\ny = 2\n```"
    text = f"Some words before it.\n\n{fence}\n\n" + "Words behind it. " * 8
    chunks = chunk(Parsed(text, Kind.MARKDOWN), ChunkerSettings(tokens=24, overlap=12))
    assert sum(fence in one.text for one in chunks) >= 1
    assert not [one.text for one in chunks if ("x = 1" in one.text or "y = 2" in one.text) and fence not in one.text]


def test_a_chunk_knows_the_headings_that_it_begins_under():
    bodies = {name: f"Words of {name}. " * 6 for name in ("one", "two", "three")}
    text = f"Before.\n\n# One\n\n{bodies['one']}\n\n## Two\n\n{bodies['two']}\n\n# Three\n\n{bodies['three']}"
    chunks = chunk(Parsed(text, Kind.MARKDOWN), SMALL)
    assert list(dict.fromkeys(one.heading for one in chunks)) == [None, "One", "One > Two", "Three"]


def test_code_and_plain_text_have_no_headings():
    text = "# a comment\nx = 1\n"
    assert [one.heading for one in chunk(Parsed(text, Kind.CODE, language="python"), SMALL)] == [None]


def test_a_chunk_of_a_pdf_knows_its_page():
    parsed = parse("a.pdf", pdf(["The first page says this.", "", "The third page says that."]))
    assert [one.page for one in chunk(parsed, ChunkerSettings(tokens=6))] == [1, 3]


def test_the_hash_is_of_the_text_alone():
    first, second = (
        chunk(Parsed(text, Kind.TEXT), SMALL)[-1] for text in ("Same.", "# Other\n\n" * 30 + "\n\n\nSame.")
    )
    alone = chunk(Parsed("\n\n   Same.", Kind.MARKDOWN), SMALL)[0]
    assert first.sha256 == alone.sha256 != second.sha256


def test_another_vocabulary_counts_other_tokens():
    text = "漢字かな交じり文。" * 40
    counts = {
        len(chunk(Parsed(text, Kind.TEXT), ChunkerSettings(50, 0, name))) for name in ("cl100k_base", "o200k_base")
    }
    assert len(counts) == 2


@pytest.mark.parametrize(
    "how", [(0, 0, "cl100k_base"), (10, 6, "cl100k_base"), (10, -1, "cl100k_base"), (10, 0, "p50k")]
)
def test_settings_that_make_no_sense_are_refused(how: tuple[int, int, str]):
    with pytest.raises(ValueError, match=r"(token|half|tokenizer)"):
        ChunkerSettings(*how)  # type: ignore[arg-type]


def test_a_long_text_is_cut_into_regions_at_its_highest_heading():
    section = "Words that fill the section. " * 300
    parts = [f"{'#' if number == 3 else '##'} Part {number}\n\n{section}\n\n" for number in range(5)]
    text = "".join(parts)
    assert REGION_CHARACTERS < len(text) < 2 * REGION_CHARACTERS
    begins = [one.begin for one in chunk(Parsed(text, Kind.MARKDOWN), OPENAI_STATIC)]
    assert text.index("# Part 3") in begins


HARD = {
    "blank lines": "\n" * 100_000,
    "blank lines with spaces": " \n" * 50_000,
    "old line ends": "\u2028" * 100_000,
    "a word": "a" * 100_000,
    "a word without meaning": "*" * 100_000,
    "a language without spaces": "漢字" * 50_000,
    "accents": "a" + "\u0301" * 100_000,
    "minified code": '{"a":[1,2]},' * 8000,
    "brackets": "[" * 100_000,
    "nested quotes": "".join(">" * depth + " x\n" for depth in range(450)),
    "nested lists": "".join(" " * (2 * depth) + "- x\n" for depth in range(300)),
    "fences": "```\na\n```\n" * 10_000,
    "open fences": "```\n" * 25_000,
    "blank lines in a fence": "```\n" + " \n" * 50_000 + "```\n",
    "headings": "# a\n" * 25_000,
}


@pytest.mark.parametrize("name", HARD)
@pytest.mark.timeout(60)
def test_no_text_keeps_the_chunker_busy(name: str):
    """Some took minutes before texts were cut into regions; now each takes a second or two."""
    text = HARD[name]
    chunks = chunk(Parsed(text, Kind.MARKDOWN), OPENAI_STATIC)
    assert not uncovered(text, chunks).strip()
