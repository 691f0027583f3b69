"""What the contract tests share."""

import copy
from typing import Any

import pytest

from contracts.schema import Schema


def _edited(document: Schema, *changes: tuple[str, Any]) -> Schema:
    found = copy.deepcopy(document)
    for path, value in changes:
        *parents, last = path.split()
        node: Any = found
        for name in parents:
            node = node[int(name)] if isinstance(node, list) else node[name]
        if value is ...:
            del node[last]
        else:
            node[last] = copy.deepcopy(value)
    return found


@pytest.fixture
def edited():
    """A copy of a document with a value at each path, whose parts are separated by spaces; `...` takes it away."""
    return _edited
