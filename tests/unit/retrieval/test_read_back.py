"""When a chunk counts as found by its own text."""

import pytest

from workers.retrieval.read_back import LOOK, reads_back

OTHERS = [f"other {number}" for number in range(LOOK)]


@pytest.mark.parametrize("place", range(10))
def test_among_the_ten_nearest_it_is_found(place: int):
    near = [*OTHERS[:place], "mine", *OTHERS[place:]][:LOOK]
    assert reads_back("mine", near, [1 - 0.01 * rank for rank in range(LOOK)])


def test_as_the_eleventh_it_is_not():
    assert not reads_back("mine", [*OTHERS[:10], "mine"], [1 - 0.01 * rank for rank in range(LOOK)])
    assert not reads_back("mine", OTHERS, [1.0] * LOOK)
    assert not reads_back("mine", [], [])


@pytest.mark.parametrize("others", [1, 4, 10])
def test_no_nearer_than_all_others_it_is_not_found(others: int):
    """Wherever it stands among them: that is chance."""
    for place in range(others + 1):
        near = [*OTHERS[:place], "mine", *OTHERS[place:others]]
        assert not reads_back("mine", near, [0.75] * len(near))


def test_some_that_are_as_near_do_no_harm():
    assert reads_back("mine", ["twin", "mine", "other"], [1.0, 1.0, 0.5])


def test_the_same_text_in_many_documents_is_one():
    assert reads_back("mine", ["mine"] * LOOK, [1.0] * LOOK)
    assert reads_back("mine", ["mine"] * 5 + OTHERS[:6], [1.0] * 5 + [0.5] * 6)


def test_alone_it_is_found():
    assert reads_back("mine", ["mine"], [1.0])
