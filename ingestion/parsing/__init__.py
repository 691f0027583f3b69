"""From a file to its text: Text, Markdown, code, HTML, PDF, DOCX and PPTX."""

from ingestion.parsing.errors import ParserUnavailableError, UnparsableCode, UnparsableError
from ingestion.parsing.kinds import kind_of
from ingestion.parsing.parse import ParserLimits, parse
from ingestion.parsing.parsed import Kind, Parsed
from ingestion.parsing.pool import ParserPool

__all__ = [
    "Kind",
    "Parsed",
    "ParserLimits",
    "ParserPool",
    "ParserUnavailableError",
    "UnparsableCode",
    "UnparsableError",
    "kind_of",
    "parse",
]
