"""/v1/files as the openai SDK uses it: uploaded, listed, read back, deleted, and nobody else's."""

import asyncio
import hashlib
import io
import secrets
from collections.abc import Iterator

import httpx2
import openai
import pytest
from openai import AsyncOpenAI, OpenAI

from tests.e2e.documents import HOSTILE, refusal
from tests.e2e.running import Penstock


def upload(client: OpenAI, content: bytes = b"some text", name: str = "a.txt") -> openai.types.FileObject:
    return client.files.create(file=(name, content), purpose="assistants")


def post(penstock: Penstock, content: bytes, content_type: str) -> httpx2.Response:
    headers = {"authorization": f"Bearer {penstock.key}", "content-type": content_type}
    return httpx2.post(f"{penstock.base_url}/files", content=content, headers=headers, timeout=30)


def test_a_file_comes_back_byte_for_byte(client: OpenAI) -> None:
    content = secrets.token_bytes(3_000_000) + b"\r\n--boundary\r\n"
    file = upload(client, content, "all bytes.bin")
    assert (file.object, file.bytes, file.filename) == ("file", len(content), "all bytes.bin")
    assert (file.purpose, file.status, file.expires_at) == ("assistants", "processed", None)
    assert client.files.retrieve(file.id) == file
    answer = client.files.content(file.id)
    assert hashlib.sha256(answer.content).digest() == hashlib.sha256(content).digest()
    assert answer.response.headers["content-type"] == "application/octet-stream"


async def test_the_asynchronous_client_can_do_the_same(penstock: Penstock) -> None:
    async with penstock.async_client() as client:
        file = await client.files.create(file=io.BytesIO(b"text"), purpose="user_data")
        assert (await client.files.content(file.id)).content == b"text"
        listed = [each.id async for each in client.files.list(limit=1)]
        assert file.id in listed
        assert (await client.files.delete(file.id)).deleted
        with pytest.raises(openai.NotFoundError):
            await client.files.retrieve(file.id)


def test_an_empty_file_is_a_file(client: OpenAI) -> None:
    file = upload(client, b"")
    assert (file.bytes, client.files.content(file.id).content) == (0, b"")


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_a_name_is_what_the_form_says(client: OpenAI, name: str) -> None:
    file = upload(client, name=name)
    # https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#multipart-form-data: what a form escapes.
    written = name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
    assert client.files.retrieve(file.id).filename in (name, written)


def test_a_list_goes_in_pages_and_by_purpose(penstock: Penstock) -> None:
    with penstock.client(penstock.create_key("files-in-pages")) as client:
        made = [client.files.create(file=(f"{n}.txt", b"x"), purpose=("batch", "evals")[n % 2]).id for n in range(5)]
        page = client.files.list(limit=2)
        assert ([each.id for each in page.data], page.has_more) == (made[:2:-1], True)
        assert [each.id for each in client.files.list(limit=2)] == made[::-1]
        assert [each.id for each in client.files.list(order="asc", after=made[2])] == made[3:]
        assert [each.id for each in client.files.list(purpose="evals")] == [made[3], made[1]]


def test_what_is_deleted_is_gone(client: OpenAI) -> None:
    file = upload(client)
    gone = client.files.delete(file.id)
    assert (gone.id, gone.object, gone.deleted) == (file.id, "file", True)
    for attempt in (client.files.retrieve, client.files.content, client.files.delete):
        assert refusal(lambda attempt=attempt: attempt(file.id)) == (404, None)


def test_a_stranger_is_told_nothing(client: OpenAI, stranger: OpenAI) -> None:
    file = upload(client)
    for attempt in (stranger.files.retrieve, stranger.files.content, stranger.files.delete):
        with pytest.raises(openai.NotFoundError) as theirs:
            attempt(file.id)
        with pytest.raises(openai.NotFoundError) as nobodys:
            attempt("file-nobodys")
        assert theirs.value.message.replace(file.id, "") == nobodys.value.message.replace("file-nobodys", "")
    assert not stranger.files.list().data
    assert client.files.content(file.id).content == b"some text"


def test_a_key_needs_the_scope(penstock: Penstock) -> None:
    with penstock.client(penstock.create_key("default", "search")) as reader:
        assert isinstance(reader.files.list().data, list)
        with pytest.raises(openai.PermissionDeniedError, match="«documents»"):
            upload(reader)
    with penstock.client(penstock.create_key("default", "inference")) as asker, pytest.raises(openai.APIStatusError):
        asker.files.list()


def test_a_file_that_is_too_large_is_refused_before_it_has_come(penstock: Penstock) -> None:
    def forever() -> Iterator[bytes]:
        yield b'--b\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\n'
        for _ in range(80):
            yield bytes(1024 * 1024)

    headers = {"authorization": f"Bearer {penstock.key}", "content-type": "multipart/form-data; boundary=b"}
    answer = httpx2.post(f"{penstock.base_url}/files", content=forever(), headers=headers, timeout=60)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "request_too_large")


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"purpose": "world domination"}, "purpose"),
        ({"expires_after": {"anchor": "created_at", "seconds": 3600}}, "expires_after[anchor]"),
        ({"color": "red"}, "color"),
    ],
)
def test_a_field_that_is_none_is_named(client: OpenAI, body: dict[str, object], param: str) -> None:
    attempt = {"purpose": "assistants", **body}
    found = refusal(lambda: client.files.create(file=("a.txt", b"x"), purpose="batch", extra_body=attempt))
    assert found == (400, param)


@pytest.mark.parametrize(
    ("content", "content_type", "said"),
    [
        (b"{}", "application/json", "multipart/form-data"),
        (b"--b--\r\n", "multipart/form-data", "multipart/form-data"),
        (b"--b\r\n\r\n", "multipart/form-data; boundary=b", "breaks off"),
        (b"nothing of a form", "multipart/form-data; boundary=b", "no multipart form"),
        (b"--b--\r\n", "multipart/form-data; boundary=b", "one file"),
        (
            b'--b\r\ncontent-disposition: form-data; name="file"\r\n\r\nx\r\n--b--\r\n',
            "multipart/form-data; boundary=b",
            "one file",
        ),
        (
            b'--b\r\ncontent-disposition: form-data; name="purpose"\r\n\r\n' + b"x" * 5000 + b"\r\n--b--\r\n",
            "multipart/form-data; boundary=b",
            "4096 bytes",
        ),
    ],
)
def test_what_is_no_such_form_is_told_so(penstock: Penstock, content: bytes, content_type: str, said: str) -> None:
    answer = post(penstock, content, content_type)
    assert answer.status_code == 400
    assert said in answer.json()["error"]["message"]


def test_a_page_that_is_none_is_refused(client: OpenAI, stranger: OpenAI) -> None:
    theirs = upload(stranger).id
    for query, param in (
        (f"after={theirs}", "after"),
        ("limit=0", "limit"),
        ("limit=x", "limit"),
        ("order=x", "order"),
    ):
        assert refusal(lambda query=query: client.get(f"/files?{query}", cast_to=object)) == (400, param)


async def test_many_at_once_are_all_kept(penstock: Penstock) -> None:
    async def one(client: AsyncOpenAI, number: int) -> bool:
        content = f"file {number}".encode() * 1000
        file = await client.files.create(file=("a.txt", content), purpose="assistants")
        return (await client.files.content(file.id)).content == content

    async with penstock.async_client() as client:
        assert all(await asyncio.gather(*(one(client, number) for number in range(30))))
