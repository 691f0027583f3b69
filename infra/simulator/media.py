"""Images and documents inside messages: what is accepted, and the one form both APIs' ways to say it are given.

Nothing is fetched or decoded further than base64; an attachment takes part in the answer by its bytes alone.
"""

import binascii
import re

from infra.simulator.errors import invalid
from infra.simulator.fields import canonical

IMAGE_TYPES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
PDF = "application/pdf"
_DATA_URI = re.compile(r"data:([\w.+-]+/[\w.+-]+);base64,")


def inline_media(kind: str, media_type: str, data: str) -> bytes:
    """An attachment that came with its data, as canonical JSON."""
    return canonical({"kind": kind, "media_type": media_type, "data": data})


def linked_media(kind: str, url: str) -> bytes:
    """An attachment that is a link, as canonical JSON."""
    return canonical({"kind": kind, "url": url})


def read_data_uri(uri: str, where: str) -> tuple[str, str]:
    """The media type and the base64 data of a data URI; ApiError 400, naming `where`, when it is none."""
    found = _DATA_URI.match(uri)
    if found is None:
        raise invalid(where, "expected a base64-encoded data URI with a media type")
    data = uri[found.end() :]
    check_base64(data, where)
    return found.group(1).lower(), data


def check_base64(data: str, where: str) -> None:
    """ApiError 400, naming `where`, unless `data` is base64 of at least one byte."""
    try:
        empty = not binascii.a2b_base64(data, strict_mode=True)
    except ValueError as error:
        raise invalid(where, "expected base64-encoded data") from error
    if empty:
        raise invalid(where, "expected base64-encoded data that is not empty")


def check_media_type(media_type: str, allowed: frozenset[str], where: str) -> None:
    """ApiError 400, naming `where`, for a media type the API does not take."""
    if media_type not in allowed:
        raise invalid(where, f"expected one of {', '.join(sorted(allowed))}, but got {media_type!r:.60}")


def check_url(url: str, where: str) -> None:
    """ApiError 400, naming `where`, unless `url` is an absolute HTTP address."""
    if re.match(r"https?://[^\s/]+", url) is None:
        raise invalid(where, "expected an http or https URL", "invalid_image_url")
