"""A caller's own tags: what a report can be broken down by. In a header they are a JSON object of strings."""

import re
from collections.abc import Mapping
from typing import Annotated

import orjson
from pydantic import Field, StringConstraints, TypeAdapter, ValidationError

from contracts import envelope

MOST_TAGS = 10
_NAME = r"[A-Za-z][A-Za-z0-9_.-]{0,31}"
TagName = Annotated[str, StringConstraints(pattern=f"^{_NAME}$")]
TagValue = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 _.:/@+-]{0,63}$")]
"""No value begins with what a spreadsheet takes for a formula."""
Tags = Annotated[
    dict[TagName, TagValue],
    Field(
        max_length=MOST_TAGS,
        description="Of the caller's own, for reports, ten at most. Names are of letters, digits, «_», «.» and «-»; "
        "values may hold spaces, «:», «/», «@» and «+» as well.",
    ),
]
_TAGS: TypeAdapter[dict[str, str]] = TypeAdapter(Tags)


def is_tag_name(name: str) -> bool:
    """Whether a tag may have this name."""
    return re.fullmatch(_NAME, name) is not None


def read_tags(written: str) -> dict[str, str]:
    """Tags as a caller writes them: `team=search,feature=faq`. Raises `ValueError`, a sentence, for what is none."""
    tags: dict[str, str] = {}
    for part in written.split(","):
        name, given, value = (piece.strip() for piece in part.partition("="))
        if not given or name in tags:
            raise ValueError(f"«{part.strip()[:64]}» is no name=value, or its name is there twice")
        tags[name] = value
    try:
        return _TAGS.validate_python(tags)
    except ValidationError as error:
        wrong = error.errors()[0]
        place = ": ".join(str(step) for step in wrong["loc"] if step != "[key]")
        raise ValueError(f"{place}: {wrong['msg']}" if place else wrong["msg"]) from None


def tags_of(headers: Mapping[str, str]) -> dict[str, str] | None:
    """The tags of a request behind the validation stage; None where it has none."""
    written = headers.get(envelope.TAGS)
    return None if written is None else orjson.loads(written)


def write_tags(tags: Mapping[str, str]) -> str:
    """As `ce-tags` carries them: names in their order, so that the same tags read the same."""
    return orjson.dumps(dict(tags), option=orjson.OPT_SORT_KEYS).decode()
