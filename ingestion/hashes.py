"""Hashes that tell whether there is anything to do."""

import hashlib

from ingestion.parsing.parsed import Kind


def text_sha(text: str) -> str:
    """Of a text that is embedded, as 64 hexadecimal digits. It depends on no model and on no place in a document."""
    return hashlib.sha256(text.encode()).hexdigest()


def document_sha(kind: Kind, content: bytes) -> str:
    """Of a file, as 64 hexadecimal digits. The kind is in it: by another name the same bytes can be other chunks."""
    return hashlib.sha256(f"{kind}\0".encode() + content).hexdigest()
