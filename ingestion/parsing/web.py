"""HTML to Markdown, by markitdown."""

import re

from ingestion.parsing.converters import HtmlConverter
from ingestion.parsing.decoding import charset_of, charset_of_html, clean, decode
from ingestion.parsing.parsed import Kind, Parsed

_EMBEDDED_IMAGE = re.compile(r"!\[([^\]\n]{0,1000})\]\(data:[^)\n]{0,1000}\)")


def parse_html(content: bytes, media_type: str | None) -> Parsed:
    """The body as Markdown without scripts and styles. An image that lies in the page becomes its description."""
    page = decode(content, charset_of(media_type) or charset_of_html(content))
    result = HtmlConverter().convert_string(page)
    title = " ".join((result.title or "").split())
    return Parsed(_EMBEDDED_IMAGE.sub(r"\1", clean(result.markdown)), Kind.HTML, title or None)
