"""The matrix is whole: every front, over every kind of provider, with both clients, in every behaviour."""

from collections.abc import Iterator
from itertools import product
from types import ModuleType

import pytest

from tests.e2e.sdk import (
    test_answers,
    test_background,
    test_cache,
    test_chat_only,
    test_count_tokens,
    test_embeddings,
    test_errors,
    test_messages_only,
    test_response_state,
    test_structured_outputs,
    test_tools,
    test_unsupported,
)
from tests.e2e.sdk.matrix import FRONTS, KINDS, MODES, Cell

OF_EVERY_FRONT: dict[ModuleType, int] = {
    test_answers: 13,
    test_cache: 5,
    test_errors: 9,
    test_structured_outputs: 4,
    test_tools: 10,
    test_unsupported: 2,
}
"""How many behaviours a module has, so that none is lost without a word."""
OF_ONE_FRONT: dict[ModuleType, tuple[str, int]] = {
    test_background: ("responses", 8),
    test_chat_only: ("chat", 8),
    test_count_tokens: ("count_tokens", 4),
    test_embeddings: ("embeddings", 9),
    test_messages_only: ("messages", 12),
    test_response_state: ("responses", 12),
}

OF_SOME_CELLS = {"test_file_search"}
"""What no provider has a part in: it is tried over one of each kind."""


def behaviours(module: ModuleType) -> Iterator[tuple[str, set[Cell], set[str]]]:
    """Each test of a module that is made for cells: its name, the cells it is made for, and its other marks."""
    for name, test in vars(module).items():
        if not name.startswith("test_"):
            continue
        for mark in test.pytestmark:
            if mark.name == "parametrize" and mark.args[0] == "cell" and len(mark.args[1]) > 1:
                yield name, set(mark.args[1]), {other.name for other in test.pytestmark}


@pytest.mark.parametrize("module", OF_EVERY_FRONT, ids=lambda module: module.__name__.rpartition(".")[2])
def test_what_holds_for_every_front_is_tried_in_every_cell(module: ModuleType) -> None:
    found = list(behaviours(module))
    assert len(found) == OF_EVERY_FRONT[module]
    for name, cells, marks in found:
        assert cells == {Cell(*cell) for cell in product(FRONTS, KINDS, MODES)}, name
        assert marks <= {"parametrize", "filterwarnings"}, name


@pytest.mark.parametrize("module", OF_ONE_FRONT, ids=lambda module: module.__name__.rpartition(".")[2])
def test_what_one_front_has_is_tried_over_every_kind_of_provider(module: ModuleType) -> None:
    front, number = OF_ONE_FRONT[module]
    found = list(behaviours(module))
    assert len(found) == number
    for name, cells, marks in found:
        assert cells == {Cell(front, *cell) for cell in product(KINDS, MODES)}, name
        assert marks <= {"parametrize", "filterwarnings"}, name


def test_every_module_is_in_the_matrix(request: pytest.FixtureRequest) -> None:
    """A new one has to say which cells it is for."""
    modules = {path.stem for path in request.path.parent.glob("test_*.py")} - {request.path.stem} - OF_SOME_CELLS
    assert modules == {module.__name__.rpartition(".")[2] for module in (*OF_EVERY_FRONT, *OF_ONE_FRONT)}
