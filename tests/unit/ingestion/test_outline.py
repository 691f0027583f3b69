"""Headings and fences of a Markdown text."""

import pytest

from ingestion.outline import LONGEST_HEADING, first_heading, outline_of


def titles(text: str) -> list[tuple[int, str]]:
    return [(heading.level, heading.title) for heading in outline_of(text).headings]


def fences(text: str) -> list[str]:
    return [text[begin:end] for begin, end in outline_of(text).fences]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("# One", [(1, "One")]),
        ("   ###### Six ######", [(6, "Six")]),
        ("# C#", [(1, "C#")]),
        ("#\tTab", [(1, "Tab")]),
        ("##", [(2, "")]),
        ("#hashtag", []),
        ("####### Seven", []),
        ("    # indented code", []),
        ("One\n===", [(1, "One")]),
        ("One\n---", [(2, "One")]),
        ("One\n\n---", []),
        ("- One\n---", []),
        ("| a |\n---", []),
        ("***\n---", []),
        ("---\ntitle: x\n---\n# One", [(1, "One")]),
        ("```\n# comment\n```\n# One", [(1, "One")]),
        ("<!-- a\n# comment\n-->\n# One", [(1, "One")]),
        ("<!-- short -->\n# One", [(1, "One")]),
        ("# " + "x" * 500, [(1, "x" * LONGEST_HEADING)]),
    ],
)
def test_headings_are_those_of_commonmark(text: str, found: list[tuple[int, str]]):
    assert titles(text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a\n```py\nx\n```\nb", ["```py\nx\n```"]),
        ("~~~\n```\n~~~", ["~~~\n```\n~~~"]),
        ("````\n```\n````", ["````\n```\n````"]),
        ("- item\n\n  ```\n  x\n  ```", ["```\n  x\n  ```"]),
        ("> ```\n> x\n> ```", ["```\n> x\n> ```"]),
        ("```inline``` code", []),
        ("```\nnever closed\n\n", ["```\nnever closed"]),
        ("```\n``` not closing\n```", ["```\n``` not closing\n```"]),
    ],
)
def test_fences_go_from_their_first_to_their_last_mark(text: str, found: list[str]):
    assert fences(text) == found


def test_a_path_names_the_headings_above():
    text = "before\n# A\na\n## B\nb\n### C\nc\n## D\nd\n# E\ne"
    outline = outline_of(text)
    paths = {letter: outline.path_at(text.index(f"\n{letter}") + 1) for letter in "abcde"}
    assert paths == {"a": "A", "b": "A > B", "c": "A > B > C", "d": "A > D", "e": "E"}
    assert outline.path_at(0) is None
    assert outline.path_at(text.index("## B")) == "A > B"


def test_an_untitled_heading_adds_nothing_to_the_path():
    text = "#\na\n## B\nb"
    outline = outline_of(text)
    assert (outline.path_at(2), outline.path_at(len(text) - 1)) == (None, "B")


def test_a_place_is_within_a_fence_only_where_a_cut_would_split_it():
    outline = outline_of("a\n```\nx\n```\nb")
    assert [outline.fence_around(offset) for offset in (1, 2, 3, 10, 11, 12)] == [
        None,
        None,
        (2, 11),
        (2, 11),
        None,
        None,
    ]


def test_the_first_heading_of_the_highest_level_is_the_title():
    assert first_heading("## a\n# b\n# c") == "b"
    assert first_heading("no heading") is None
    assert first_heading("#") is None


@pytest.mark.parametrize("start", ["# ", "> ", "- ", "1. ", ">", "  > ", "-", "=", " ", "a ", "`"])
@pytest.mark.parametrize("fill", [" ", "> ", "- ", "#", "-", "1. ", "` "])
@pytest.mark.timeout(20)
def test_no_line_takes_long(start: str, fill: str):
    """Each pattern is linear: a quadratic one would take minutes."""
    for end in ("", "x", "```", "```x`", "#"):
        outline_of(f"a\n{start}{fill * 100_000}{end}\nb")
