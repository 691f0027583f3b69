"""Submissions become chunks, one message for each index version that doesn't hold the content yet."""

import base64

from ingestion.hashes import submission_sha, text_sha
from tests.support.documents import Flow
from tests.support.files import docx, pdf, pptx
from tests.support.workers import StartWorkers

KINDS = {
    "notes.txt": (b"Plain words.", None, None),
    "guide.md": (b"# Guide\n\n## Setup\n\nInstall it.", "Guide", None),
    "tool.py": (b"def tool():\n    return 1\n", None, None),
    "page.html": (b"<h1>Page</h1><p>Of a site.</p>", "Page", None),
    "paper.pdf": (pdf(["First page.", "Second page."]), None, 1),
    "letter.docx": (docx([("Heading1", "Letter"), ("", "Dear reader.")]), "Letter", None),
    "talk.pptx": (pptx([("Talk", "A slide.")]), None, 1),
}


async def test_each_kind_of_file_becomes_chunks_with_their_places(flow: Flow, workers: StartWorkers) -> None:
    await flow.store()
    given = {
        await flow.submit(name, filename=name, content=base64.b64encode(content).decode()): name
        for name, (content, _, _) in KINDS.items()
    }
    async with workers("chunking"):
        for submission_id, name in given.items():
            content, heading, page = KINDS[name]
            (chunked,) = await flow.outcome(submission_id)
            assert (chunked.document_id, chunked.sha256) == (name, submission_sha(name, None, content))
            last = chunked.chunks[-1]
            assert last.sha256 == text_sha(last.text)
            assert (last.heading or "").endswith(heading or "")
            assert chunked.chunks[0].page == page
