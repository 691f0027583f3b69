"""A caller's own tags: what a report can be broken down by. In a header they are a JSON object of strings."""

from collections.abc import Mapping
from typing import Annotated

import orjson
from pydantic import Field, StringConstraints

from contracts import envelope

MOST_TAGS = 10
TagName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_.-]{0,31}$")]
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


def tags_of(headers: Mapping[str, str]) -> dict[str, str] | None:
    """The tags of a request behind the validation stage; None where it has none."""
    written = headers.get(envelope.TAGS)
    return None if written is None else orjson.loads(written)


def write_tags(tags: Mapping[str, str]) -> str:
    """As `ce-tags` carries them: names in their order, so that the same tags read the same."""
    return orjson.dumps(dict(tags), option=orjson.OPT_SORT_KEYS).decode()
