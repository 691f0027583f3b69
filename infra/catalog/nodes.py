"""YAML with its lines: parsed to nodes, which know where they stand, and from these to plain data."""

from typing import Any

import yaml

from infra.catalog.errors import Loc

_MOST_NODES = 250_000
"""Aliases repeat what they stand for: a file of ten lines can unfold to more than fits into memory."""


class MalformedError(Exception):
    """A text that is no YAML, or YAML of a kind that no catalogue needs. `place` is empty for the former."""

    def __init__(self, line: int, reason: str, place: str = "") -> None:
        super().__init__(reason)
        self.line = line
        self.reason = reason
        self.place = place


def one_node(raw: bytes) -> yaml.Node:
    """The document of a UTF-8 text. Raises `MalformedError`; keys that are there twice in a mapping count as such."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedError(raw.count(b"\n", 0, error.start) + 1, "it is not UTF-8") from None
    try:
        # Not libyaml's loader: it crashes the process on a text of a hundred thousand brackets.
        root = yaml.SafeLoader(text).get_single_node()
        if root is None:
            raise MalformedError(1, "it is empty", "the file")
        _check(root)
    except yaml.reader.ReaderError as error:
        raise MalformedError(text.count("\n", 0, error.position) + 1, f"{error.reason}") from None
    except yaml.MarkedYAMLError as error:
        raise _malformed(error) from None
    except RecursionError:
        raise MalformedError(1, "it is nested too deeply", "the file") from None
    return root


def construct(root: yaml.Node) -> Any:  # noqa: ANN401 - whatever the text holds
    """Plain data: no tag makes an object of another kind. Raises `MalformedError`."""
    try:
        return _Constructor().construct_document(root)
    except yaml.MarkedYAMLError as error:
        raise _malformed(error) from None


def line_of(root: yaml.Node, loc: Loc) -> int:
    """The line of an entry, from 1; where there is none, that of the last one on the way to it."""
    node, line = root, root.start_mark.line
    for part in loc:
        step = _step(node, part)
        if step is None:
            break
        begin, node = step
        line = (node if isinstance(node, yaml.ScalarNode) else begin).start_mark.line
    return int(line) + 1


def _step(node: yaml.Node, part: int | str) -> tuple[yaml.Node, yaml.Node] | None:
    """Where an entry begins (at its key, in a mapping), and its value."""
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part], node.value[part]
    if isinstance(node, yaml.MappingNode):
        # What was merged in stands before the mapping's own.
        for key, value in reversed(node.value):
            if key.value == str(part):
                return key, value
    return None


def _check(node: yaml.Node) -> None:
    """Raise `MalformedError` for keys that are there twice, and for what unfolds to too much."""
    seen, waiting = 0, [node]
    while waiting:
        node = waiting.pop()
        seen += 1
        if seen > _MOST_NODES:
            raise MalformedError(node.start_mark.line + 1, "its aliases unfold to too much", "the file")
        if isinstance(node, yaml.MappingNode):
            _refuse_twice(node)
            waiting.extend(value for _, value in node.value)
        elif isinstance(node, yaml.SequenceNode):
            waiting.extend(node.value)


def _refuse_twice(mapping: yaml.MappingNode) -> None:
    seen: set[str] = set()
    for key, _ in mapping.value:
        if isinstance(key, yaml.ScalarNode):
            if key.value in seen:
                raise MalformedError(key.start_mark.line + 1, "the key is there twice", key.value)
            seen.add(key.value)


def _malformed(error: yaml.MarkedYAMLError) -> MalformedError:
    mark = error.problem_mark or error.context_mark
    return MalformedError(mark.line + 1 if mark else 1, " ".join(str(error.problem or error.context).split()))


class _Constructor(yaml.constructor.SafeConstructor):
    """PyYAML's own, which for a scalar that is not of its tag raises whatever its parsing happens to raise."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:  # noqa: ANN401
        try:
            return super().construct_object(node, deep)
        except (ValueError, KeyError, AttributeError) as error:
            problem = f"{node.value!r} is no {node.tag.rpartition(':')[2]}"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark) from error
