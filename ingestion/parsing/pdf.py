"""PDF to text, page by page.

By pdfminer, which markitdown itself uses for prose. It is called directly because markitdown keeps no pages.
"""

import io
from collections.abc import Iterator

from pdfminer.converter import TextConverter
from pdfminer.layout import LAParams
from pdfminer.pdfdocument import PDFDocument, PDFPasswordIncorrect
from pdfminer.pdfinterp import PDFPageInterpreter, PDFResourceManager
from pdfminer.pdfpage import PDFPage
from pdfminer.pdfparser import PDFParser
from pdfminer.utils import decode_text

from ingestion.parsing.decoding import clean
from ingestion.parsing.errors import UnparsableCode, UnparsableError
from ingestion.parsing.pages import join_pages
from ingestion.parsing.parsed import Kind, Parsed


def parse_pdf(content: bytes) -> Parsed:
    """Raises `UnparsableError`: `corrupt`, `encrypted` for one that wants a password, `empty` for scanned pages."""
    if b"%PDF-" not in content[:1024]:  # readers bear with a little before it, so we do
        raise UnparsableError(UnparsableCode.CORRUPT, "the file is no PDF, its name promises one")
    try:
        document = PDFDocument(PDFParser(io.BytesIO(content)))
    except PDFPasswordIncorrect:
        raise UnparsableError(UnparsableCode.ENCRYPTED, "the PDF can't be read without its password") from None
    text, begins = join_pages(_pages(document))
    if not text:
        raise UnparsableError(UnparsableCode.EMPTY, "the PDF holds no text: scanned pages have to be recognised first")
    return Parsed(text, Kind.PDF, _title(document), begins)


def _pages(document: PDFDocument) -> Iterator[str]:
    manager = PDFResourceManager()
    output = io.StringIO()
    device = TextConverter(manager, output, laparams=LAParams())
    interpreter = PDFPageInterpreter(manager, device)
    for page in PDFPage.create_pages(document):
        interpreter.process_page(page)
        yield output.getvalue()
        output.seek(0)
        output.truncate()


def _title(document: PDFDocument) -> str | None:
    for info in document.info:
        title = info.get("Title")
        if isinstance(title, bytes):
            return " ".join(clean(decode_text(title)).split()) or None
    return None
