"""From a file to its text, in this process.

What isn't plain text is read by libraries that a malicious file can hang or blow up: `ParserPool` runs this apart.
"""

import zipfile
from dataclasses import dataclass

from ingestion.outline import first_heading
from ingestion.parsing.decoding import charset_of, decode
from ingestion.parsing.errors import UnparsableCode, UnparsableError
from ingestion.parsing.kinds import kind_of, language_of
from ingestion.parsing.parsed import Kind, Parsed


@dataclass(frozen=True, slots=True)
class ParserLimits:
    """What one file may cost. `memory_bytes` and `seconds` hold where it is parsed apart.

    `memory_bytes` is resident memory over what the parser itself takes.
    """

    content_bytes: int = 64 * 1024 * 1024
    characters: int = 20_000_000
    memory_bytes: int = 1024 * 1024 * 1024
    seconds: float = 60.0


DEFAULT_LIMITS = ParserLimits()

TOO_MUCH_MEMORY = "the file takes more memory to parse than one may"


def parse(name: str, content: bytes, media_type: str | None = None, limits: ParserLimits = DEFAULT_LIMITS) -> Parsed:
    """The text of a file. Takes 20 ms for each page of a PDF, and much less for all else.

    Raises `UnparsableError`, and nothing else: whatever a library says of a file that somebody sent, blame the file.
    """
    _refuse_too_large(len(content), limits.content_bytes, "bytes")
    kind = kind_of(name, media_type, content)
    try:
        parsed = _parse(kind, name, content, media_type)
    except UnparsableError:
        raise
    except MemoryError:
        raise UnparsableError(UnparsableCode.TOO_LARGE, TOO_MUCH_MEMORY) from None
    except zipfile.BadZipFile:
        raise UnparsableError(UnparsableCode.CORRUPT, f"the file is no {kind.upper()}, its name promises one") from None
    except Exception as error:  # noqa: BLE001 - these libraries raise anything, from KeyError to RecursionError
        message = f"the file is damaged: its parser gave up with {type(error).__name__}"
        raise UnparsableError(UnparsableCode.CORRUPT, message) from None
    _refuse_too_large(len(parsed.text), limits.characters, "characters")
    if not parsed.text.strip():
        raise UnparsableError(UnparsableCode.EMPTY, "the file holds no text")
    return parsed


def _parse(kind: Kind, name: str, content: bytes, media_type: str | None) -> Parsed:
    """The libraries are imported late: a process that parses only plain text pays for none of them."""
    match kind:
        case Kind.HTML:
            from ingestion.parsing.web import parse_html

            return parse_html(content, media_type)
        case Kind.PDF:
            from ingestion.parsing.pdf import parse_pdf

            return parse_pdf(content)
        case Kind.DOCX | Kind.PPTX:
            from ingestion.parsing.office import parse_docx, parse_pptx

            return parse_docx(content) if kind is Kind.DOCX else parse_pptx(content)
        case _:
            return _parse_plain(kind, name, content, media_type)


def _parse_plain(kind: Kind, name: str, content: bytes, media_type: str | None) -> Parsed:
    text = decode(content, charset_of(media_type))
    title = first_heading(text) if kind is Kind.MARKDOWN else None
    return Parsed(text, kind, title, language=language_of(name) if kind is Kind.CODE else None)


def _refuse_too_large(size: int, most: int, unit: str) -> None:
    if size > most:
        raise UnparsableError(UnparsableCode.TOO_LARGE, f"the file has {size:,} {unit}, {most:,} is the most")
