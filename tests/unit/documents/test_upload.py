"""A multipart form is read the same wherever it is cut on its way, and refused as soon as it is none or too large."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.documents.upload import Upload, read_upload
from api.exchange import Exchange
from contracts.errors import ErrorCode, PenstockError

LIMIT = 10_000


def form(content: bytes, name: str = "a.txt", media_type: str = "text/plain", **fields: str) -> tuple[bytes, str]:
    request = httpx2.Request("POST", "http://x", files={"file": (name, content, media_type)}, data=fields)
    return request.read(), request.headers["content-type"]


async def read(body: bytes, content_type: str, cuts: Sequence[int] = (), limit: int = LIMIT) -> Upload:
    edges = [0, *sorted(cut % (len(body) + 1) for cut in cuts), len(body)]
    parts = [body[start:end] for start, end in pairwise(edges)]
    events = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    waiting = iter([*events, {"type": "http.request", "body": b"", "more_body": False}])

    async def receive() -> Any:
        return next(waiting)

    async def send(_: Any) -> None:
        raise AssertionError("nothing is answered here")

    headers = [(b"content-type", content_type.encode())]
    return await read_upload(Exchange({"headers": headers, "method": "POST", "path": "/"}, receive, send), limit)


async def refusal(body: bytes, content_type: str) -> tuple[ErrorCode, str]:
    with pytest.raises(PenstockError) as raised:
        await read(body, content_type)
    return raised.value.code, raised.value.message


@given(st.binary(max_size=300), st.lists(st.integers(0, 2000), max_size=6))
async def test_it_does_not_matter_where_it_is_cut(content: bytes, cuts: list[int]):
    body, content_type = form(content, "ä b.txt", "text/x-é", purpose="assistants", other="ü")
    assert await read(body, content_type, cuts) == Upload(
        "ä b.txt", "text/x-é", content, {"purpose": "assistants", "other": "ü"}
    )


@given(st.binary(max_size=400), st.lists(st.integers(0, 400), max_size=3))
async def test_whatever_comes_is_a_form_or_is_refused(body: bytes, cuts: list[int]):
    for start in (b"", b"--b\r\n", b'--b\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\n'):
        try:
            await read(start + body, "multipart/form-data; boundary=b", cuts)
        except PenstockError as error:
            assert error.code is ErrorCode.INVALID_REQUEST


async def test_a_file_may_be_as_large_as_the_limit_and_no_larger():
    assert len((await read(*form(bytes(LIMIT)))).content) == LIMIT
    assert (await refusal(*form(bytes(LIMIT + 1))))[0] == ErrorCode.REQUEST_TOO_LARGE
    assert (await refusal(*form(bytes(LIMIT + 100_000))))[0] == ErrorCode.REQUEST_TOO_LARGE


@pytest.mark.parametrize("length", [0, 1, 40, -1, -3])
async def test_one_that_breaks_off_is_none(length: int):
    body, content_type = form(b"text", purpose="batch")
    cut = body[:length] if length >= 0 else body[: length - 2]
    code, message = await refusal(cut, content_type)
    assert code == ErrorCode.INVALID_REQUEST
    assert "breaks off" in message


async def test_two_files_are_one_too_many():
    body, content_type = form(b"text")
    boundary = content_type.partition("boundary=")[2].encode()
    first = body.removesuffix(b"--" + boundary + b"--\r\n")
    assert "one file" in (await refusal(first + body, content_type))[1]
