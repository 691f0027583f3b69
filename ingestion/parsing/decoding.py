"""From bytes to text, whatever wrote them."""

import codecs
import re

from ingestion.parsing.errors import UnparsableCode, UnparsableError

_SAMPLE_BYTES = 32 * 1024
"""Detecting an encoding is slow, and no surer on more than this."""

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16: its mark begins with the other's
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_DECLARED = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?([\w:.-]{1,40})""", re.IGNORECASE)
_CHARSET = re.compile(r"""charset\s*=\s*["']?([\w:.-]{1,40})""", re.IGNORECASE)
# Python knows «encodings» that are none, and some that are slow: only those that people write files in.
_TRUSTED = re.compile(
    r"iso8859-\d+|cp125\d|cp437|cp85\d|cp866|cp932|cp949|koi8-[ru]|mac-\w+|shift_jis\w*|euc_\w+|gb\w+|big5\w*"
    r"|iso2022_\w+|utf-16(-[bl]e)?|ascii|utf-8"
)


def decode(content: bytes, charset: str | None = None) -> str:
    """The text: by its byte order mark, as UTF-8, by the `charset` that somebody named, or by detection.

    Line ends become `\\n`; what PostgreSQL can't store (NUL, lone surrogates) is left out or replaced. Raises
    `UnparsableError`: `unsupported_type` for bytes that are no text, `corrupt` for text that breaks its own encoding.
    """
    for mark, encoding in _BOMS:
        if content.startswith(mark):
            return clean(_decode_marked(content.removeprefix(mark), encoding))
    if b"\0" in content[:8192]:
        raise UnparsableError(UnparsableCode.UNSUPPORTED_TYPE, "the file is binary, its name promises text")
    try:
        return clean(content.decode("utf-8"))
    except UnicodeDecodeError:
        return clean(_decode_declared(content, charset) or _decode_detected(content))


def charset_of(media_type: str | None) -> str | None:
    """The `charset` parameter of a media type."""
    found = _CHARSET.search(media_type or "")
    return found[1] if found else None


def charset_of_html(content: bytes) -> str | None:
    """The encoding that a page declares in its first kilobyte, where HTML wants it."""
    found = _DECLARED.search(content[:1024])
    return found[1].decode("ascii", "replace") if found else None


def clean(text: str) -> str:
    """The same text as it can be stored: `\\n` at line ends, no NUL, no lone surrogates, no byte order mark."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    return text.encode("utf-8", "replace").decode("utf-8")


def _decode_marked(content: bytes, encoding: str) -> str:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        message = f"the file begins as {encoding.upper()} and does not go on as that"
        raise UnparsableError(UnparsableCode.CORRUPT, message) from None


def _decode_declared(content: bytes, charset: str | None) -> str | None:
    try:
        encoding = codecs.lookup(charset or "").name
        return content.decode(encoding) if _TRUSTED.fullmatch(encoding) else None
    except (LookupError, UnicodeDecodeError):
        return None


def _decode_detected(content: bytes) -> str:
    from charset_normalizer import from_bytes

    sample = content[:_SAMPLE_BYTES]
    if len(content) > _SAMPLE_BYTES:
        sample = sample[: sample.rfind(b"\n") + 1] or sample  # no character is cut in two at a line's end
    best = from_bytes(sample).best()
    if best is None:
        raise UnparsableError(UnparsableCode.UNSUPPORTED_TYPE, "the file is no text in any known encoding")
    return content.decode(best.encoding, "replace")
