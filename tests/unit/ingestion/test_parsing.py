"""Files to text: each kind's structure is kept, and a file that is none says why."""

import codecs
import sys
from subprocess import run

import pytest

from ingestion.parsing import Kind, Parsed, ParserLimits, UnparsableCode, UnparsableError, parse
from tests.support.files import docx, encrypted_pdf, package, pdf, pdf_of, pptx


def refusal(name: str, content: bytes, media_type: str | None = None, limits: ParserLimits | None = None) -> str:
    with pytest.raises(UnparsableError) as raised:
        parse(name, content, media_type, limits or ParserLimits())
    assert raised.value.message
    return raised.value.code


# Kinds


@pytest.mark.parametrize(
    ("name", "media_type", "kind"),
    [
        ("notes.txt", None, Kind.TEXT),
        ("notes.TXT", "application/octet-stream", Kind.TEXT),
        ("README.md", "text/plain", Kind.MARKDOWN),
        ("no-extension", "text/markdown; charset=utf-8", Kind.MARKDOWN),
        ("page", "text/html", Kind.HTML),
        ("main.py", "text/plain", Kind.CODE),
        ("Makefile", None, Kind.CODE),
        ("C:\\src\\Lib.RS", None, Kind.CODE),
        ("script", "text/x-python", Kind.CODE),
        ("LICENSE", None, Kind.TEXT),
        ("-", None, Kind.TEXT),
        ("odd.xyz", None, Kind.TEXT),
    ],
)
def test_the_name_tells_the_kind_and_then_the_media_type_and_then_the_content(
    name: str, media_type: str | None, kind: Kind
):
    assert parse(name, b"Some text.", media_type).kind is kind


def test_code_names_its_language():
    assert parse("src/app.tsx", b"let x = 1").language == "typescript"
    assert parse("notes.txt", b"let x = 1").language is None


@pytest.mark.parametrize("name", ["picture.png", "archive.zip", "table.xlsx", "program"])
def test_a_file_of_another_kind_is_an_unsupported_type(name: str):
    assert refusal(name, b"\x89\0\x01\x02 binary") == UnparsableCode.UNSUPPORTED_TYPE


def test_a_pdf_is_known_without_a_name():
    assert parse("-", pdf(["Hello"])).kind is Kind.PDF


# Plain text


@pytest.mark.parametrize(
    "content",
    [
        "Grüße, 漢字".encode(),
        codecs.BOM_UTF8 + "Grüße, 漢字".encode(),
        "Grüße, 漢字".encode("utf-16"),
        codecs.BOM_UTF16_BE + "Grüße, 漢字".encode("utf-16-be"),
        codecs.BOM_UTF32_LE + "Grüße, 漢字".encode("utf-32-le"),
    ],
)
def test_unicode_is_read_in_any_of_its_encodings(content: bytes):
    assert parse("a.txt", content).text == "Grüße, 漢字"


def test_a_declared_charset_counts_where_the_bytes_are_no_utf8():
    polish = "Zażółć gęślą jaźń"
    assert parse("a.txt", polish.encode("iso-8859-2"), "text/plain; charset=ISO-8859-2").text == polish
    assert parse("a.txt", polish.encode(), "text/plain; charset=ISO-8859-2").text == polish


@pytest.mark.parametrize("charset", ["rot13", "zlib", "unicode_escape", "no-such-thing", "idna"])
def test_a_charset_that_nobody_writes_files_in_is_passed_over(charset: str):
    text = "Die Größe der Bäume überrascht auch später noch viele Gäste. " * 5
    assert parse("a.txt", text.encode("cp1252"), f"text/plain; charset={charset}").text == text


@pytest.mark.parametrize("encoding", ["cp1252", "cp1251", "shift_jis"])
def test_an_undeclared_encoding_is_found_out(encoding: str):
    texts = {
        "cp1252": "Die Größe der Bäume überrascht auch später noch viele Gäste. ",
        "cp1251": "Съешь же ещё этих мягких французских булок, да выпей чаю. ",
        "shift_jis": "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。",
    }
    text = texts[encoding] * 1000
    assert parse("a.txt", text.encode(encoding)).text == text


def test_line_ends_become_one_kind_and_nul_is_left_out():
    content = b"a\r\nb\rc\nd" + b" " * 10_000 + b"\0e"
    assert parse("a.txt", content).text == "a\nb\nc\nd" + " " * 10_000 + "e"


def test_other_plain_text_stays_as_it_is():
    text = "  indented\n\n\n\ttabs \n"
    assert parse("a.py", text.encode()).text == text


def test_text_that_breaks_its_own_mark_is_corrupt():
    assert refusal("a.txt", codecs.BOM_UTF16_LE + b"a") == UnparsableCode.CORRUPT


def test_a_binary_file_by_a_texts_name_is_an_unsupported_type():
    assert refusal("a.txt", b"\x7fELF\x02\x01\x01\0\0") == UnparsableCode.UNSUPPORTED_TYPE


@pytest.mark.parametrize("content", [b"", b" \n\t\n", codecs.BOM_UTF8])
def test_a_file_without_text_is_empty(content: bytes):
    assert refusal("a.md", content) == UnparsableCode.EMPTY


@pytest.mark.parametrize("limits", [ParserLimits(content_bytes=3), ParserLimits(characters=3)])
def test_a_file_or_a_text_over_its_limit_is_too_large(limits: ParserLimits):
    assert refusal("a.txt", b"abcd", limits=limits) == UnparsableCode.TOO_LARGE
    assert parse("a.txt", b"abc", None, limits).text == "abc"


# Markup


def test_the_title_of_a_markdown_text_is_its_first_heading_of_the_highest_level():
    text = "---\ntitle: x\n---\n## Before\n\n# The *real* title #\n\n# Another"
    assert parse("a.md", text.encode()).title == "The *real* title"


def test_a_page_becomes_markdown_without_scripts_and_embedded_images():
    page = """<html><head><title>A
      title</title><style>p {}</style></head><body><h1>One</h1><p>A <b>bold</b> word.</p><ul><li>item</li></ul>
      <pre><code>x = 1</code></pre><img src="data:image/png;base64,AAAA" alt="a chart">
      <script>alert(1)</script></body></html>"""
    parsed = parse("a.html", page.encode())
    assert (parsed.kind, parsed.title) == (Kind.HTML, "A title")
    assert parsed.text.startswith("# One\n\nA **bold** word.\n\n* item")
    assert "```\nx = 1\n```" in parsed.text
    assert "a chart" in parsed.text
    assert not {"base64", "alert", "p {}"} & set(parsed.text.split())


def test_a_page_is_read_in_the_encoding_that_it_declares():
    page = '<html><head><meta charset="iso-8859-7"></head><body><p>Καλημέρα</p></body></html>'
    assert parse("a.html", page.encode("iso-8859-7")).text == "Καλημέρα"


@pytest.mark.filterwarnings("ignore:HTML document is too deeply nested:UserWarning")
def test_a_page_nested_too_deeply_is_still_its_text():
    page = b"<div>" * 3000 + b"deep" + b"</div>" * 3000
    assert parse("a.html", page).text == "deep"


# Documents


def test_a_word_document_keeps_its_headings_and_names_its_title():
    content = docx([("Heading1", "One"), ("", "First & last."), ("Heading2", "Two"), ("", "More.")], title="The title")
    expected = Parsed("# One\n\nFirst & last.\n\n## Two\n\nMore.", Kind.DOCX, "The title")
    assert parse("a.docx", content) == expected


def test_slides_are_pages():
    content = pptx([("First", "alpha\nbeta"), ("Second", "<!-- Slide number: 9 -->\ngamma")], title="Talk")
    parsed = parse("a.pptx", content)
    assert parsed.title == "Talk"
    assert parsed.text[: parsed.pages[1]] == "# First\nalpha\nbeta\n\n"
    assert parsed.text[parsed.pages[1] :] == "# Second\n<!-- Slide number: 9 -->\ngamma"


def test_a_pdf_keeps_its_pages_also_the_empty_ones():
    parsed = parse("a.pdf", pdf(["Hello", "", "world"], title="The title"))
    assert (parsed.text, parsed.title, parsed.pages) == ("Hello\n\nworld", "The title", (0, 5, 7))
    assert [parsed.page_at(parsed.text.index(word)) for word in ("Hello", "world")] == [1, 3]


def test_a_text_without_pages_has_none():
    assert parse("a.txt", b"abc").page_at(0) is None


def test_a_pdf_behind_a_password_is_encrypted():
    assert refusal("a.pdf", encrypted_pdf()) == UnparsableCode.ENCRYPTED


def test_a_pdf_of_pictures_is_empty():
    assert refusal("a.pdf", pdf(["", ""])) == UnparsableCode.EMPTY


def test_an_office_file_behind_a_password_is_encrypted():
    ole = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)
    assert refusal("a.docx", ole + "EncryptedPackage".encode("utf-16-le")) == UnparsableCode.ENCRYPTED
    assert refusal("a.docx", ole + "WordDocument".encode("utf-16-le")) == UnparsableCode.UNSUPPORTED_TYPE


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.pdf", b"Hello"),
        ("a.pdf", b"%PDF-1.7\nnothing that a PDF would hold"),
        ("a.pdf", pdf_of([b"<< /Type /Catalog /Pages 1 0 R >>"])[:40]),
        ("a.docx", b"Hello"),
        ("a.docx", docx([("", "text")])[:-30]),
        ("a.docx", package({"word/document.xml": "<w:document"})),
        ("a.docx", package({"mimetype": "application/vnd.oasis.opendocument.text"})),
        ("a.pptx", docx([("", "text")])),
        ("a.pptx", package({"ppt/presentation.xml": "<p/>"})),
    ],
)
def test_a_damaged_file_is_corrupt(name: str, content: bytes):
    assert refusal(name, content) == UnparsableCode.CORRUPT


def test_an_office_file_that_unpacks_to_too_much_is_too_large(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("ingestion.parsing.office.UNPACKED_BYTES", 1024 * 1024)
    content = package({"word/document.xml": bytes(1024 * 1024 + 1)})
    assert len(content) < 10_000
    assert refusal("a.docx", content) == UnparsableCode.TOO_LARGE


def test_a_process_that_parses_plain_text_imports_no_parser():
    code = "import sys; from ingestion.parsing import parse; parse('a.md', b'# A'); print('markitdown' in sys.modules)"
    assert run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout == "False\n"
