"""A file in a multipart form, read as it comes: https://www.rfc-editor.org/rfc/rfc7578"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from api.dialects.dialect import STAGE
from api.exchange import Exchange
from api.served import refused
from contracts.errors import ErrorCode, PenstockError

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

_FILE = "file"
_OVERHEAD = 64 * 1024
"""Bytes that a form may have beside the file."""
_LONGEST_FIELD = 4096


@dataclass(frozen=True, slots=True)
class Upload:
    """What was uploaded, and the other fields of the form."""

    filename: str
    media_type: str | None
    content: bytes
    fields: dict[str, str]


@dataclass(slots=True)
class _Part:
    headers: dict[bytes, bytes] = field(default_factory=dict)
    name: str = ""
    filename: str | None = None
    data: bytearray = field(default_factory=bytearray)

    @property
    def is_file(self) -> bool:
        return self.name == _FILE and self.filename is not None


async def read_upload(exchange: Exchange, limit: int) -> Upload:
    """The field `file`, of at most `limit` bytes, and the others.

    Raises `PenstockError`: `request_too_large` as soon as that is seen, `invalid_request` for what is no such form.
    """
    kind, options = parse_options_header(exchange.header("content-type"))
    boundary = options.get(b"boundary")
    if kind != b"multipart/form-data" or not boundary:
        raise refused("a file is uploaded as multipart/form-data")
    form = _Form(limit)
    try:
        parser = MultipartParser(boundary, form.callbacks())
        async for part in exchange.body_parts(limit + _OVERHEAD):
            parser.write(part)
        parser.finalize()
    except FormParserError as error:
        raise refused(f"the body is no multipart form: {error}") from None
    return form.upload()


class _Form:
    """Collects the parts."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._parts: list[_Part] = []
        self._header: tuple[bytearray, bytearray] = (bytearray(), bytearray())
        self._ended = False

    def callbacks(self) -> "MultipartCallbacks":
        return {
            "on_part_begin": lambda: self._parts.append(_Part()),
            "on_header_field": lambda data, start, end: self._header[0].extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._header[1].extend(data[start:end]),
            "on_header_end": self._on_header_end,
            "on_headers_finished": self._on_headers_finished,
            "on_part_data": self._on_data,
            "on_end": self._on_end,
        }

    def upload(self) -> Upload:
        if not self._ended:
            raise refused("the multipart form breaks off before its end")
        files = [part for part in self._parts if part.is_file]
        if len(files) != 1:
            raise refused("file: there has to be one file, with a name", _FILE)
        file, media_type = files[0], files[0].headers.get(b"content-type")
        return Upload(
            filename=file.filename or "",
            media_type=None if media_type is None else _text(media_type),
            content=bytes(file.data),
            fields={part.name: _text(part.data) for part in self._parts if not part.is_file},
        )

    def _on_header_end(self) -> None:
        name, value = self._header
        self._parts[-1].headers[bytes(name).lower()] = bytes(value)
        self._header = (bytearray(), bytearray())

    def _on_headers_finished(self) -> None:
        part = self._parts[-1]
        _, options = parse_options_header(part.headers.get(b"content-disposition"))
        part.name = _text(options.get(b"name", b""))
        part.filename = _text(options[b"filename"]) if b"filename" in options else None

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        part = self._parts[-1]
        if part.is_file and len(part.data) + end - start > self._limit:
            message = f"the file is larger than {self._limit} bytes"
            raise PenstockError(ErrorCode.REQUEST_TOO_LARGE, message, stage=STAGE, param=_FILE)
        if not part.is_file and len(part.data) + end - start > _LONGEST_FIELD:
            raise refused(f"{part.name[:64]}: has more than {_LONGEST_FIELD} bytes", part.name[:64])
        part.data += data[start:end]

    def _on_end(self) -> None:
        self._ended = True


def _text(value: bytes | bytearray) -> str:
    return value.decode("utf-8", "replace")
