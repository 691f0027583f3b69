"""Files parsed apart: the worst that a file can do is to fail its own document."""

import asyncio
import os
import resource
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from textwrap import dedent

import psutil
import pytest

from ingestion.parsing import Kind, ParserLimits, ParserPool, UnparsableCode, UnparsableError, parse
from ingestion.parsing.process import Crashed, ParserProcess
from tests.support.files import docx, encrypted_pdf, package, pdf, pptx
from tests.support.waiting import eventually

SLOW = pdf(["one line"] * 3000)
"""Takes seconds on any machine."""


@pytest.fixture
async def parsers() -> AsyncIterator[ParserPool]:
    async with ParserPool(size=1) as pool:
        yield pool


def parser_processes(owner: psutil.Process | None = None) -> list[psutil.Process]:
    found = []
    for child in (owner or psutil.Process()).children():
        with suppress(psutil.NoSuchProcess):  # it ended just now
            if "ingestion.parsing.child" in child.cmdline():
                found.append(child)
    return found


async def refusal(parsers: ParserPool, name: str, content: bytes) -> UnparsableError:
    with pytest.raises(UnparsableError) as raised:
        await parsers.parse_apart(name, content)
    return raised.value


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.pdf", pdf(["Hello", "wörld"], title="T")),
        ("a.docx", docx([("Heading1", "漢字")], title="T")),
        ("a.pptx", pptx([("One", "two")])),
        ("a.html", b"<title>x</title><h1>One</h1>"),
    ],
)
async def test_what_is_parsed_apart_is_what_is_parsed_here(parsers: ParserPool, name: str, content: bytes):
    assert await parsers.parse_apart(name, content) == parse(name, content)


async def test_plain_text_starts_no_process(parsers: ParserPool):
    assert (await parsers.parse_apart("a.md", b"# A\n" * 50_000)).kind is Kind.MARKDOWN
    assert not parser_processes()


async def test_one_process_serves_one_file_after_the_other_also_behind_those_that_fail(parsers: ParserPool):
    await parsers.parse_apart("a.html", b"<p>a")
    (process,) = parser_processes()
    assert (await refusal(parsers, "a.pdf", encrypted_pdf())).code == UnparsableCode.ENCRYPTED
    assert (await refusal(parsers, "\udcff.pdf", b"%PDF-")).code == UnparsableCode.CORRUPT
    assert (await parsers.parse_apart("a.html", b"<p>b")).text == "b"
    assert parser_processes() == [process]


async def test_files_that_come_at_once_wait_for_their_turn(parsers: ParserPool):
    parsed = await asyncio.gather(*(parsers.parse_apart("a.html", b"<p>%d" % number) for number in range(20)))
    assert [one.text for one in parsed] == [str(number) for number in range(20)]
    assert len(parser_processes()) == 1


async def test_a_file_that_takes_too_long_is_a_timeout_and_the_next_one_is_parsed():
    async with ParserPool(size=1, limits=ParserLimits(seconds=0.3)) as parsers:
        error = await refusal(parsers, "a.pdf", SLOW)
        assert (error.code, error.message) == (UnparsableCode.TIMEOUT, "the file takes longer to parse than 0.3 s")
        assert not parser_processes()
    async with ParserPool(size=1) as parsers:
        assert (await parsers.parse_apart("a.html", b"<p>a")).text == "a"


async def test_a_file_that_blows_up_is_too_large_and_the_next_one_is_parsed():
    body = "<w:p><w:r><w:t>x</w:t></w:r></w:p>" * 300_000
    word = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    document = f'<w:document xmlns:w="{word}"><w:body>{body}</w:body></w:document>'
    bomb = package({"[Content_Types].xml": "<Types/>", "word/document.xml": document})
    async with ParserPool(size=1, limits=ParserLimits(memory_bytes=100 * 1024 * 1024)) as parsers:
        assert (await refusal(parsers, "a.docx", bomb)).code == UnparsableCode.TOO_LARGE
        assert (await parsers.parse_apart("a.html", b"<p>a")).text == "a"


async def test_a_parser_that_dies_at_work_is_a_failed_document(parsers: ParserPool):
    task = asyncio.create_task(parsers.parse_apart("a.pdf", SLOW))
    process = await eventually(at_work, within=60)
    process.kill()
    with pytest.raises(UnparsableError, match="the file's parser was killed by SIGKILL") as raised:
        await task
    assert raised.value.code == UnparsableCode.CRASHED


async def test_a_parser_that_died_of_an_earlier_file_costs_this_one_nothing(parsers: ParserPool):
    await parsers.parse_apart("a.html", b"<p>a")
    (process,) = parser_processes()
    process.kill()
    assert (await parsers.parse_apart("a.html", b"<p>b")).text == "b"


async def test_a_caller_that_gives_up_leaves_no_process_at_work(parsers: ParserPool):
    task = asyncio.create_task(parsers.parse_apart("a.pdf", SLOW))
    await eventually(at_work, within=60)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not parser_processes()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
async def test_a_worker_that_is_killed_leaves_no_parser_at_work(tmp_path: Path):
    (tmp_path / "slow.pdf").write_bytes(SLOW)
    code = """
        import asyncio, pathlib, sys
        from ingestion.parsing import ParserPool
        asyncio.run(ParserPool().parse_apart("slow.pdf", pathlib.Path(sys.argv[1]).read_bytes()))
    """
    worker = await asyncio.create_subprocess_exec(sys.executable, "-c", dedent(code), tmp_path / "slow.pdf")
    parser = await eventually(lambda: at_work(psutil.Process(worker.pid)), within=60)
    worker.kill()
    await worker.wait()
    await eventually(lambda: not parser.is_running(), within=10)


async def test_a_parser_knows_no_keys(parsers: ParserPool, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    await parsers.parse_apart("a.html", b"<p>a")
    (process,) = parser_processes()
    assert "OPENAI_API_KEY" not in process.environ()
    assert os.environ["OPENAI_API_KEY"] == "secret"


async def test_a_closed_pool_leaves_no_process():
    async with ParserPool() as parsers:
        await parsers.parse_apart("a.html", b"<p>a")
        assert parser_processes()
    assert not parser_processes()


@pytest.mark.parametrize(
    ("code", "what"),
    [
        ("import sys; sys.exit(3)", "exited with code 3"),
        ("import os; os.abort()", "was killed by SIGABRT"),
        (r"import sys; sys.stdout.buffer.write(b'\0\0\0\2{}')", "answered nonsense"),
        (r"import sys; sys.stdout.buffer.write(b'\0\0\0\1{')", "answered nonsense"),
        (r"import sys; sys.stdout.buffer.write(b'\xff\xff\xff\xff')", "answered with more than a file may hold"),
    ],
)
async def test_a_process_that_answers_like_no_parser_has_crashed(code: str, what: str, tmp_path: Path):
    stand_in = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdin=PIPE, stdout=PIPE, cwd=tmp_path)
    process = ParserProcess(stand_in)
    with pytest.raises(Crashed, match=what):
        await process.parse("a.pdf", b"", None, ParserLimits(characters=1000))
    await process.kill()


def at_work(owner: psutil.Process | None = None) -> psutil.Process | None:
    """The parser process that has taken a file: it limits its memory to that file's."""
    for process in parser_processes(owner):
        if process.rlimit(psutil.RLIMIT_AS)[0] != resource.RLIM_INFINITY:
            return process
    return None
