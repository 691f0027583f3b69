"""Documents by the command line: a folder goes in and is found, again and again, changed and made smaller."""

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
from openai import OpenAI

from tests.e2e.running import Penstock
from tests.e2e.waiting import until
from tests.support import forks
from tests.support.files import docx, pdf, pptx

KINDS = {
    "notes.txt": b"The harbour master keeps the ledger of every barge.",
    "guide/locks.md": b"# Locks\n\n## Filling\n\nA lock chamber fills through culverts in its walls.",
    "guide/page.html": b"<html><body><h1>Weirs</h1><p>A weir raises the level of a river.</p></body></html>",
    "report.pdf": pdf(["Turbines turn when the penstock opens.", "Silt settles behind the dam."]),
    "letter.docx": docx([("Heading1", "Dredging"), ("", "The dredger clears the channel each spring.")]),
    "slides.pptx": pptx([("Sluices", "A sluice gate is lifted by a rack and pinion.")]),
    "src/pump.py": b"def pump(litres: int) -> int:\n    '''Lift water over the embankment.'''\n    return litres\n",
}
BROKEN = {"broken.pdf": b"%PDF-1.4 and no more"}


def write(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def listed(client: OpenAI, store: str) -> dict[str, dict[str, Any]]:
    answer: Any = client.get(f"/vector_stores/{store}/documents", cast_to=object, options={"params": {"limit": 1000}})
    return {entry["id"]: entry for entry in answer["data"]}


def found(penstock: Penstock, store: str, query: str, *more: str) -> list[dict[str, Any]]:
    done = penstock.run("search", query, "--store", store, "--json", *more)
    assert done.returncode == 0, done.stderr
    hits: list[dict[str, Any]] = json.loads(done.stdout)["data"]
    return hits


def cached(client: OpenAI, store: str) -> str:
    """Ask what a lock chamber fills through, from a store; what the cache had for that."""
    (wanted,) = [each.id for each in client.vector_stores.list() if each.name == store]
    tool: Any = {"type": "file_search", "vector_store_ids": [wanted]}
    asked = "What does a lock chamber fill through?"
    return client.responses.with_raw_response.create(model="sim-small", input=asked, tools=[tool]).headers[
        "x-penstock-cache"
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("docs"), KINDS | BROKEN | {".git/config": b"[core]"})


@pytest.fixture(scope="module")
def ingested(penstock: Penstock, folder: Path) -> "subprocess.CompletedProcess[str]":
    return penstock.run("ingest", str(folder), "--store", "canal", "--attribute", "year=2026")


class TestAFolder:
    """One store, by one test after the other: what a folder goes through in its life."""

    def test_what_can_be_parsed_is_found_and_what_can_not_says_why(
        self, penstock: Penstock, client: OpenAI, ingested: "subprocess.CompletedProcess[str]"
    ) -> None:
        assert ingested.returncode == 1, ingested.stderr
        assert "canal: 8 documents: 8 sent, 7 indexed, 1 failed, 0 unchanged" in ingested.stdout
        assert "failed: broken.pdf: the file" in ingested.stdout
        documents = listed(client, "canal")
        assert documents.keys() == KINDS.keys() | BROKEN.keys()
        assert {entry["status"] for name, entry in documents.items() if name in KINDS} == {"completed"}
        assert documents["notes.txt"]["attributes"] == {"year": 2026}
        assert documents["broken.pdf"]["last_error"]["message"] in ingested.stdout
        for name, query in (("report.pdf", "silt behind the dam"), ("src/pump.py", "embankment")):
            assert found(penstock, "canal", query)[0]["filename"] == name

    def test_a_search_shows_where_it_was_found(self, penstock: Penstock, ingested: object) -> None:
        done = penstock.run("search", "culverts", "--store", "canal", "--mode", "text")
        assert done.returncode == 0, done.stderr
        assert "guide/locks.md" in done.stdout
        assert "│ Locks" in done.stdout
        assert "p. 1" in penstock.run("search", "silt settles", "--store", "canal").stdout

    def test_a_filter_counts(self, penstock: Penstock, ingested: object) -> None:
        of_2026 = json.dumps({"type": "eq", "key": "year", "value": 2026})
        before = json.dumps({"type": "lt", "key": "year", "value": 2026})
        assert found(penstock, "canal", "water", "--filter", of_2026)
        assert found(penstock, "canal", "water", "--filter", before) == []

    def test_nothing_is_sent_twice_but_what_had_failed(
        self, penstock: Penstock, folder: Path, ingested: object
    ) -> None:
        again = penstock.run("ingest", str(folder), "--store", "canal")
        assert again.returncode == 1
        assert "8 documents: 1 sent, 0 indexed, 1 failed, 7 unchanged" in again.stdout

    def test_a_store_shows_what_failed_and_how_it_is_indexed(self, penstock: Penstock, ingested: object) -> None:
        shown = penstock.run("store", "show", "canal")
        assert shown.returncode == 0, shown.stderr
        assert "7 completed, 1 failed" in shown.stdout
        assert "failed: broken.pdf: the file" in shown.stdout
        assert "wordllama" in shown.stdout
        assert "canal" in penstock.run("store", "list").stdout
        (version,) = json.loads(penstock.run("store", "versions", "canal", "--json").stdout)
        assert (version["state"], version["documents"]) == ("live", {"completed": 7, "failed": 1})

    def test_a_failed_document_can_be_retried(self, penstock: Penstock, ingested: object) -> None:
        retried = penstock.run("store", "retry", "canal")
        assert (retried.returncode, retried.stdout) == (0, "1 are tried again\n")

    def test_what_is_changed_renamed_or_gone_follows(
        self, penstock: Penstock, client: OpenAI, folder: Path, ingested: object
    ) -> None:
        (folder / "notes.txt").write_bytes(b"The harbour master sold the ledger.")
        (folder / "letter.docx").rename(folder / "guide" / "dredging.docx")
        (folder / "slides.pptx").unlink()
        (folder / "broken.pdf").unlink()
        done = penstock.run("ingest", str(folder), "--store", "canal", "--prune")
        assert done.returncode == 0, done.stdout + done.stderr
        assert "6 documents: 2 sent, 2 indexed, 0 failed, 4 unchanged, 3 deleted" in done.stdout
        documents = listed(client, "canal")
        gone = {"slides.pptx", "letter.docx", "broken.pdf"}
        assert documents.keys() == (KINDS.keys() - gone) | {"guide/dredging.docx"}
        assert found(penstock, "canal", "dredger")[0]["filename"] == "guide/dredging.docx"
        assert "sold" in found(penstock, "canal", "harbour master")[0]["content"][0]["text"]
        assert "slides.pptx" not in {hit["filename"] for hit in found(penstock, "canal", "sluice gate rack")}

    def test_what_the_api_was_given_is_never_pruned(
        self, penstock: Penstock, client: OpenAI, folder: Path, ingested: object
    ) -> None:
        body = {"documents": [{"id": "memo-7", "filename": "memo.txt", "text": "Pilots report at dawn."}]}
        client.post("/vector_stores/canal/documents", cast_to=object, body=body)
        until(lambda: listed(client, "canal")["memo-7"]["status"] == "completed", "the memo to be indexed", 30)
        assert penstock.run("ingest", str(folder), "--store", "canal", "--prune").returncode == 0
        assert "memo-7" in listed(client, "canal")

    def test_a_re_index_switches_and_can_be_taken_back_and_answers_are_each_index_s_own(
        self, penstock: Penstock, client: OpenAI, ingested: object
    ) -> None:
        until(lambda: cached(client, "canal") == "hit", "an answer from the cache")
        done = penstock.run("reindex", "canal", "--chunk-tokens", "200")
        assert done.returncode == 0, done.stdout + done.stderr
        assert " is completed" in done.stdout
        versions = json.loads(penstock.run("store", "versions", "canal", "--json").stdout)
        states = {version["state"]: version for version in versions}
        assert states["live"]["chunker"]["tokens"] == 200
        assert cached(client, "canal") == "miss"
        assert found(penstock, "canal", "culverts", "--mode", "text")[0]["filename"] == "guide/locks.md"
        rolled = penstock.run("store", "rollback", "canal")
        assert rolled.stdout.startswith(f"version {states['past']['id']} is live"), rolled.stderr
        assert cached(client, "canal") == "hit"

    def test_the_quality_of_searches_is_measured(self, penstock: Penstock, tmp_path: Path, ingested: object) -> None:
        queries = {"q1": "how does a lock chamber fill", "q2": "raising the level of a river"}
        lines = "\n".join(json.dumps({"_id": name, "text": text}) for name, text in queries.items())
        write(tmp_path / "judged", {"queries.jsonl": lines.encode()})
        judged = "query-id\tcorpus-id\tscore\nq1\tguide/locks.md\t1\nq2\tguide/page.html\t1\n"
        write(tmp_path / "judged", {"qrels/test.tsv": judged.encode()})
        done = penstock.run("eval", "canal", "--attach", str(tmp_path / "judged"), "--name", "small", "--json")
        assert done.returncode == 0, done.stderr
        measured = json.loads(done.stdout)["measured"]
        assert {each["mode"] for each in measured} == {"vector", "text", "hybrid"}
        assert all(0 < each["ndcg"] <= 1 and each["queries"] == 2 for each in measured)
        table = penstock.run("eval", "canal", "--name", "small").stdout
        assert "nDCG@10" in table
        assert "(live)" in table

    def test_a_store_is_deleted_when_that_is_meant(self, penstock: Penstock, ingested: object) -> None:
        assert penstock.run("store", "delete", "canal", given="n\n").returncode == 1
        assert penstock.run("store", "show", "canal").returncode == 0
        assert penstock.run("store", "delete", "canal", "--yes").returncode == 0
        gone = penstock.run("store", "show", "canal")
        assert gone.returncode == 2
        assert gone.stderr.startswith("penstock: ")


def test_standard_input_is_a_document(penstock: Penstock, client: OpenAI) -> None:
    done = penstock.run("ingest", "-", "--name", "minutes.md", "--store", "pipes", given="# Minutes\n\nNobody came.")
    assert done.returncode == 0, done.stderr
    assert listed(client, "pipes")["minutes.md"]["status"] == "completed"


def test_a_corpus_in_beirs_layout_is_as_many_documents_as_it_has_lines(
    penstock: Penstock, client: OpenAI, tmp_path: Path
) -> None:
    lines = [json.dumps({"_id": str(number), "title": f"Title {number}", "text": "Text."}) for number in range(300)]
    write(tmp_path, {"corpus.jsonl": "\n".join(lines).encode()})
    done = penstock.run("ingest", str(tmp_path), "--beir", "--store", "corpus")
    assert done.returncode == 0, done.stdout + done.stderr
    assert {entry["status"] for entry in listed(client, "corpus").values()} == {"completed"}
    assert len(listed(client, "corpus")) == 300


def test_a_file_that_no_request_could_hold_goes_ahead_of_its_document(
    penstock: Penstock, client: OpenAI, tmp_path: Path
) -> None:
    large = b"\n\n".join(b"Paragraph %d of the chronicle." % number for number in range(50_000))
    write(tmp_path, {"chronicle.txt": large})
    done = penstock.run("ingest", str(tmp_path), "--store", "chronicle", "--chunk-tokens", "4096")
    assert done.returncode == 0, done.stdout + done.stderr
    assert listed(client, "chronicle")["chronicle.txt"]["status"] == "completed"
    again = penstock.run("ingest", str(tmp_path), "--store", "chronicle")
    assert "0 sent, 0 indexed, 0 failed, 1 unchanged" in again.stdout


def test_ctrl_c_leaves_cleanly_and_the_next_run_goes_on(penstock: Penstock, client: OpenAI, tmp_path: Path) -> None:
    logs = {f"{number:05d}.txt": b"Log %d of the night watch." % number for number in range(800)}
    folder = write(tmp_path / "logs", logs)
    said, told = tmp_path / "said", tmp_path / "told"
    command = ["ingest", str(folder), "--store", "watch"]
    process = forks.start(command, penstock.environ, said, errors=told)
    try:
        until(lambda: bool(_some(client, "watch")) or process.poll() is not None, "something to be sent", 60)
        process.send_signal(signal.SIGINT)
        code = process.wait(30)
    finally:
        process.kill()
    out, err = said.read_text(), told.read_text()
    assert code == 130, err
    assert "stopped: what was sent is indexed all the same" in err
    assert "Traceback" not in err
    assert "watch: 800 documents" in out
    done = penstock.run("ingest", str(folder), "--store", "watch")
    assert done.returncode == 0, done.stdout + done.stderr
    statuses = penstock.client().vector_stores.retrieve("watch").file_counts
    assert (statuses.completed, statuses.total) == (800, 800)


def test_a_key_that_may_only_search_is_told_so(penstock: Penstock, tmp_path: Path) -> None:
    write(tmp_path, {"a.md": b"text"})
    key = penstock.create_key("default", "search")
    environ = penstock.environ | {"PENSTOCK_API_KEY": key}
    done = forks.run(["ingest", str(tmp_path), "--store", "closed"], environ)
    assert done.returncode == 2
    assert done.stderr.startswith("penstock: ")
    assert os.linesep not in done.stderr.strip()


def _some(client: OpenAI, store: str) -> int:
    stores = client.vector_stores.list(limit=100)
    return next((each.file_counts.total for each in stores if each.name == store), 0)
