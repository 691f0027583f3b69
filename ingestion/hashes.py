"""Hashes that tell whether there is anything to do."""

import hashlib

from ingestion.parsing.errors import UnparsableError
from ingestion.parsing.kinds import kind_of
from ingestion.parsing.parsed import Kind


def text_sha(text: str) -> str:
    """Of a text that is embedded, as 64 hexadecimal digits. It depends on no model and on no place in a document."""
    return hashlib.sha256(text.encode()).hexdigest()


def document_sha(kind: Kind, content: bytes) -> str:
    """Of a file, as 64 hexadecimal digits. The kind is in it: by another name the same bytes can be other chunks."""
    return hashlib.sha256(f"{kind}\0".encode() + content).hexdigest()


def submission_sha(filename: str, media_type: str | None, content: bytes) -> str:
    """Of a document as it is submitted, as 64 hexadecimal digits: its `document_sha`, or one of the kind «unknown»
    where it can't be parsed. So whoever submits can tell beforehand whether a store holds it already.
    """
    try:
        return document_sha(kind_of(filename, media_type, content), content)
    except UnparsableError:
        return hashlib.sha256(b"unknown\0" + content).hexdigest()
