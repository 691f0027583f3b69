"""DOCX and PPTX to Markdown, by markitdown."""

import io
import re
import zipfile

from defusedxml.ElementTree import fromstring  # type: ignore[import-untyped]

from ingestion.parsing.converters import DocxConverter, PptxConverter, StreamInfo
from ingestion.parsing.decoding import clean
from ingestion.parsing.errors import UnparsableCode, UnparsableError
from ingestion.parsing.pages import join_pages
from ingestion.parsing.parsed import Kind, Parsed

UNPACKED_BYTES = 256 * 1024 * 1024
"""The most that an Office file may unpack to. An honest one of 50 MB is mostly pictures, which don't shrink."""

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_IMAGE = re.compile(r"!\[([^\]\n]{0,1000})\]\([^)\n]{0,1000}\)")
_SLIDE = re.compile(r"<!-- Slide number: (\d{1,6}) -->\n?")


def parse_docx(content: bytes) -> Parsed:
    """Headings, lists and tables as Markdown; a picture becomes its description. Raises `UnparsableError`."""
    _check_package(content, "word/document.xml")
    converter = DocxConverter()  # type: ignore[no-untyped-call]
    result = converter.convert(io.BytesIO(content), StreamInfo(extension=".docx"))
    return Parsed(_IMAGE.sub(r"\1", clean(result.markdown)), Kind.DOCX, _title(content))


def parse_pptx(content: bytes) -> Parsed:
    """Slides are pages; their titles are headings, notes come behind them. Raises `UnparsableError`."""
    _check_package(content, "ppt/presentation.xml")
    converter = PptxConverter()  # type: ignore[no-untyped-call]
    result = converter.convert(io.BytesIO(content), StreamInfo(extension=".pptx"))
    text, begins = join_pages(_slides(_IMAGE.sub(r"\1", clean(result.markdown))))
    return Parsed(text, Kind.PPTX, _title(content), begins)


def _slides(markdown: str) -> list[str]:
    """Cut at markitdown's marks. A mark out of turn is a slide's own text."""
    slides: list[str] = []
    begin = 0
    for mark in _SLIDE.finditer(markdown):
        if int(mark[1]) == len(slides) + 1:
            if slides:
                slides[-1] = markdown[begin : mark.start()]
            slides.append("")
            begin = mark.end()
    if slides:
        slides[-1] = markdown[begin:]
    return slides


def _check_package(content: bytes, part: str) -> None:
    if content.startswith(_OLE):
        if "EncryptedPackage".encode("utf-16-le") in content:
            raise UnparsableError(UnparsableCode.ENCRYPTED, "the file can't be read without its password")
        message = "the file is in the Office format of before 2007, its name promises the one of today"
        raise UnparsableError(UnparsableCode.UNSUPPORTED_TYPE, message)
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        if sum(entry.file_size for entry in package.infolist()) > UNPACKED_BYTES:
            message = f"the file unpacks to more than {UNPACKED_BYTES // 1024**2} MiB"
            raise UnparsableError(UnparsableCode.TOO_LARGE, message)
        if part not in package.namelist():
            raise UnparsableError(UnparsableCode.CORRUPT, f"the file lacks its main part, {part}")


def _title(content: bytes) -> str | None:
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        if "docProps/core.xml" not in package.namelist():
            return None
        title = fromstring(package.read("docProps/core.xml")).findtext("{http://purl.org/dc/elements/1.1/}title")
    return " ".join(clean(title or "").split()) or None
