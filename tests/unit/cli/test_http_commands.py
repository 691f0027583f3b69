"""What the commands over HTTP make of their arguments and of the API's answers, without a platform."""

import pytest
from typer.testing import CliRunner

from cli.client import KEY, json_object, store_path
from cli.failures import CommandError
from cli.main import app
from cli.reindex import sentence
from cli.search import filter_of, place, snippet
from cli.stores import counts_of, size_of, time_of

NOBODY = "http://127.0.0.1:9/v1"
COMMANDS = [
    ["search", "question", "--store", "docs"],
    ["store", "list"],
    ["reindex", "docs", "--embedding-model", "wordllama"],
    ["reindex", "pause", "docs"],
    ["eval", "docs"],
    ["usage"],
]


def invoke(*arguments: str, **environ: str) -> BaseException | None:
    return CliRunner().invoke(app, list(arguments), env=environ).exception


class TestReachingThePlatform:
    @pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
    def test_without_a_key_it_says_where_to_get_one(self, command: list[str]):
        error = invoke(*command, **{KEY: ""})
        assert isinstance(error, CommandError)
        assert "PENSTOCK_API_KEY is not set" in str(error)

    def test_where_nothing_listens_it_says_so(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr("openai._base_client.BaseClient._calculate_retry_timeout", lambda *_, **__: 0)
        error = invoke("store", "list", "--base-url", NOBODY, **{KEY: "psk_a_b"})
        assert isinstance(error, CommandError)
        assert f"nothing answers at {NOBODY}" in str(error)

    def test_what_is_no_penstock_is_told_apart(self):
        with pytest.raises(CommandError, match=r"no Penstock.*/v1"):
            json_object("<html>", "http://127.0.0.1:80")

    def test_a_name_may_have_any_character(self):
        assert store_path("my docs/ü", "documents") == "/vector_stores/my%20docs%2F%C3%BC/documents"


class TestReindex:
    def test_a_store_in_the_place_of_a_command_is_a_start(self):
        runner = CliRunner()
        assert "Build the next version" in runner.invoke(app, ["reindex", "docs", "--help"]).output
        assert (
            "Build the next version"
            in runner.invoke(app, ["reindex", "--chunk-tokens", "200", "docs", "--help"]).output
        )
        assert "Stop a job" in runner.invoke(app, ["reindex", "pause", "--help"]).output

    def test_a_job_is_told_in_a_sentence(self):
        job = {"id": "r1", "version": 7, "state": "building", "done": 1200, "failed": 1, "pending": 80, "total": 1281}
        told = sentence(job | {"rate": 410.4, "eta_seconds": 0.2, "reason": None})
        assert told == "r1 (version 7) is building: 1,200 done, 1 failed, 80 pending, 410 a second, 0 s to go"
        refused = sentence(job | {"state": "refused", "rate": 0, "eta_seconds": None, "reason": "too much is lost"})
        assert refused.endswith("80 pending: too much is lost")


class TestSearch:
    @pytest.mark.parametrize("text", ["{", "[]", "7"])
    def test_a_filter_is_a_json_object(self, text: str):
        with pytest.raises(CommandError, match="--filter is no JSON"):
            filter_of(text)

    def test_a_snippet_lies_around_the_first_highlight_and_says_where_it_was_cut(self):
        text = "x" * 1000 + " needle " + "y" * 1000
        shown, spans = snippet(text, [[1001, 1007]])
        assert shown.startswith("…")
        assert shown.endswith("…")
        assert [shown[begin:end] for begin, end in spans] == ["needle"]

    def test_a_short_text_is_whole_and_on_one_line(self):
        assert snippet("a\nneedle\tb", [[2, 8]]) == ("a needle b", [(2, 8)])
        assert snippet("", []) == ("", [])

    def test_a_highlight_outside_the_snippet_is_not_shown(self):
        _, spans = snippet("needle" + "x" * 1000 + "needle", [[0, 6], [1006, 1012]])
        assert spans == [(0, 6)]

    def test_the_place_is_page_and_heading(self):
        assert place({"page": 3, "heading": "A > B"}) == "p. 3, A > B"
        assert place({"page": None, "heading": None}) == ""


class TestStores:
    @pytest.mark.parametrize(
        ("count", "told"), [(0, "0 B"), (1023, "1,023 B"), (1536, "1.5 KiB"), (5 * 1024**4, "5,120.0 GiB")]
    )
    def test_sizes_are_for_people(self, count: int, told: str):
        assert size_of(count) == told

    def test_times_are_in_utc_whatever_the_api_gives(self):
        assert time_of(0) == time_of("1970-01-01T01:00:00+01:00") == "1970-01-01 00:00:00"
        assert time_of(None) == ""

    def test_documents_are_counted_by_status(self):
        assert counts_of({"in_progress": 2, "completed": 1200, "failed": 0}) == "1,200 completed, 2 in progress"
