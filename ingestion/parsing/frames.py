"""What a parser process and its owner say to each other: JSON and bytes behind their lengths.

JSON and no pickle: a file that took over the parser must not get any further.
"""

import struct
from dataclasses import asdict
from typing import Any

import orjson

from ingestion.parsing.errors import UnparsableCode, UnparsableError
from ingestion.parsing.parse import ParserLimits
from ingestion.parsing.parsed import Kind, Parsed

LENGTH = struct.Struct(">I")
"""Before each frame: its length in bytes."""

EXIT_OUTGROWN = 71
"""How a parser process ends that has taken more memory than its file may."""


def frame(body: bytes) -> bytes:
    """The bytes with their length before them."""
    return LENGTH.pack(len(body)) + body


def request(name: str, content: bytes, media_type: str | None, limits: ParserLimits) -> tuple[bytes, bytes]:
    """Two frames' bodies: what to parse and at which cost, and the file itself."""
    name = name.encode("utf-8", "replace").decode("utf-8")  # a file system's name may be no UTF-8
    return orjson.dumps({"name": name, "media_type": media_type, "limits": asdict(limits)}), content


def answered(parsed: Parsed) -> bytes:
    """The body of the frame that a parsed file is answered with."""
    return orjson.dumps({"parsed": asdict(parsed)})


def refused(error: UnparsableError) -> bytes:
    """The body of the frame that a file is answered with that can't be parsed."""
    return orjson.dumps({"error": {"code": error.code, "message": error.message}})


def read_answer(body: bytes) -> Parsed:
    """Raises the `UnparsableError` that the answer tells of, or `ValueError` for what is no answer."""
    answer: dict[str, Any] = orjson.loads(body)
    try:
        if "error" in answer:
            raise UnparsableError(UnparsableCode(answer["error"]["code"]), answer["error"]["message"])
        fields = answer["parsed"]
        return Parsed(**{**fields, "kind": Kind(fields["kind"]), "pages": tuple(fields["pages"])})
    except (KeyError, TypeError) as error:
        raise ValueError(f"no answer of a parser: {error!r}") from None
