"""What the benchmark sends and expects, and the figures it makes of the runs."""

from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import orjson
import pytest

from benchmarks import cache, payloads
from benchmarks.answers import fault_of_json, fault_of_stream, has_token
from benchmarks.gateway import CATALOGUE, Target
from benchmarks.measure import require_right
from benchmarks.processes import BenchmarkError
from benchmarks.report import Report, figures, markdown, verdicts
from benchmarks.result import LoadResult, Percentiles
from benchmarks.scenarios import SCENARIOS, Pair, Runs, Scenario
from benchmarks.upstream import Upstream
from benchmarks.usage import Memory
from infra.catalog import load_catalog

URL = urlsplit("http://127.0.0.1:9/v1")
TAG = "0123456789abcdef"


def requests(seed: int, *, stream: bool = False) -> payloads.Requests:
    return payloads.Requests(URL, "bench", "key", stream=stream, seed=seed)


def split(message: bytes) -> tuple[bytes, bytes]:
    head, _, body = message.partition(b"\r\n\r\n")
    return head, body


def ask(*, stream: bool = False, usage: bool = False, tag: str = TAG) -> bytes:
    asked = {"model": "bench", "stream": stream, "messages": [{"role": "user", "content": f"[request {tag}] hello"}]}
    return orjson.dumps(asked | ({"stream_options": {"include_usage": True}} if usage else {}))


def stream_events(response: bytes) -> list[bytes]:
    return [line[6:] for line in response.splitlines() if line.startswith(b"data: ")]


class TestPrompts:
    def test_the_same_seed_gives_the_same_bytes(self) -> None:
        assert requests(7).request(3) == requests(7).request(3)

    def test_no_two_numbers_and_no_two_seeds_share_a_prompt(self) -> None:
        prompts = {split(requests(seed).request(number).data)[1] for seed in (1, 2) for number in range(500)}
        assert len(prompts) == 1000

    def test_a_prompt_has_1500_bytes_in_a_body_of_the_declared_length(self) -> None:
        head, body = split(requests(1, stream=True).request(41).data)
        assert len(orjson.loads(body)["messages"][0]["content"]) == payloads.PROMPT_BYTES
        assert f"content-length: {len(body)}".encode() in head
        assert b"authorization: Bearer key" in head

    def test_a_stream_is_asked_for_with_its_usage(self) -> None:
        body = orjson.loads(split(requests(1, stream=True).request(0).data)[1])
        assert (body["stream"], body["stream_options"]) == (True, {"include_usage": True})


class TestUpstream:
    def test_the_answer_carries_the_tag_of_its_prompt_and_usage_in_about_600_bytes(self) -> None:
        request = requests(1).request(5)
        _, body = split(Upstream().answer(b"/v1/chat/completions", split(request.data)[1]))
        assert fault_of_json(body, request.expected) is None
        assert 540 <= len(body) <= 660

    def test_a_stream_has_20_chunks_then_usage_if_asked_then_done(self) -> None:
        with_usage = stream_events(Upstream().answer(b"/v1/chat/completions", ask(stream=True, usage=True)))
        without = stream_events(Upstream().answer(b"/v1/chat/completions", ask(stream=True)))
        assert (len(with_usage), len(without)) == (22, 21)
        assert orjson.loads(with_usage[20])["usage"]["completion_tokens"] == 18
        assert with_usage[21] == without[20] == b"[DONE]"

    def test_it_counts_the_completions_it_answered(self) -> None:
        upstream = Upstream()
        for body in (ask(), ask(stream=True), b"not JSON"):
            upstream.answer(b"/v1/chat/completions", body)
        assert orjson.loads(split(upstream.answer(b"/stats", b""))[1]) == {"calls": 2}

    @pytest.mark.parametrize("body", [b"", b"[]", b"7", b'"model"', b"{}", b"{"])
    def test_a_body_that_is_no_request_is_a_400_in_openais_shape(self, body: bytes) -> None:
        head, answer = split(Upstream().answer(b"/v1/chat/completions", body))
        assert head.startswith(b"HTTP/1.1 400 ")
        assert orjson.loads(answer)["error"]["type"] == "invalid_request_error"

    def test_another_path_is_a_404(self) -> None:
        assert Upstream().answer(b"/v1/other", b"").startswith(b"HTTP/1.1 404 ")


class TestAnswers:
    def stream(self) -> bytes:
        return b"".join(b"data: %b\n\n" % event for event in self.events())

    def events(self) -> list[bytes]:
        return stream_events(Upstream().answer(b"/v1/chat/completions", ask(stream=True, usage=True)))

    def test_a_right_stream_has_no_fault_whatever_its_line_ends(self) -> None:
        expected = payloads.answer_text(TAG)
        assert fault_of_stream(self.stream(), expected) is None
        assert fault_of_stream(self.stream().replace(b"\n", b"\r\n"), expected) is None

    def test_a_stream_without_done_is_a_fault(self) -> None:
        cut = self.stream().removesuffix(b"data: [DONE]\n\n")
        assert "does not end with [DONE]" in (fault_of_stream(cut, payloads.answer_text(TAG)) or "")
        assert "does not end with [DONE]" in (fault_of_stream(b"", payloads.answer_text(TAG)) or "")

    def test_a_stream_that_lost_a_chunk_is_a_fault(self) -> None:
        lost = b"".join(b"data: %b\n\n" % event for at, event in enumerate(self.events()) if at != 7)
        assert "cut" in (fault_of_stream(lost, payloads.answer_text(TAG)) or "")

    def test_a_stream_without_usage_is_a_fault(self) -> None:
        lost = b"".join(b"data: %b\n\n" % event for at, event in enumerate(self.events()) if at != 20)
        assert fault_of_stream(lost, payloads.answer_text(TAG)) == "the answer carries no usage"

    @pytest.mark.parametrize("event", [b"{", b"[]", b'{"choices": [{}]}', b'{"choices": 3}', b'{"choices": {"a": 1}}'])
    def test_an_event_that_is_no_chunk_is_a_fault(self, event: bytes) -> None:
        assert "no chat completion chunk" in (fault_of_stream(b"data: %b\n\n" % event, "") or "")
        assert not has_token(b"data: %b\n\n" % event)

    def test_an_answer_to_another_prompt_is_a_fault(self) -> None:
        _, body = split(Upstream().answer(b"/v1/chat/completions", ask()))
        assert "another request" in (fault_of_json(body, payloads.answer_text("f" * 16)) or "")

    @pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"choices": []}', b'{"error": {"message": "no"}}'])
    def test_a_body_that_is_no_completion_is_a_fault(self, body: bytes) -> None:
        assert "no chat completion" in (fault_of_json(body, "") or "")

    def test_the_first_token_is_the_first_whole_event_with_text(self) -> None:
        role, first = self.events()[:2]
        begun = b"data: %b\n\ndata: %b" % (role, first)
        assert not has_token(begun[:20])
        assert not has_token(begun)
        assert has_token(begun + b"\n\n")


def run(milliseconds: float = 5.0, rate: float = 200.0) -> LoadResult:
    each = Percentiles(milliseconds, milliseconds * 2, milliseconds * 3)
    return LoadResult(requests=200, seconds=200 / rate, cpu_us=10.0, latency=each, first_token=each)


def runs(gateway_ms: list[float], rate: float = 400.0) -> Runs:
    def pair() -> Pair:
        return Pair([run(0.1, 20_000.0) for _ in gateway_ms], [run(each, rate) for each in gateway_ms])

    return Runs(
        pairs={scenario.key: pair() for scenario in SCENARIOS},
        cpu=[{"api": 0.5, "workers": each} for each in gateway_ms],
        helpers=[{"upstream, direct": 0.01}],
        requests=600,
        upstream_calls=600,
    )


class TestReport:
    def test_errors_make_the_run_fail_with_the_commonest_reason(self) -> None:
        target, good = Target("penstock", "http://127.0.0.1:1/v1", "key"), run()
        require_right(good, target, SCENARIOS[0])
        with pytest.raises(
            BenchmarkError, match=r"1 in flight, penstock: 3 of 203 requests failed, most by: status 503"
        ):
            require_right(replace(good, errors={"status 503": 2, "other": 1}), target, SCENARIOS[0])
        with pytest.raises(BenchmarkError, match="not one request"):
            require_right(replace(good, requests=0), target, SCENARIOS[0])

    def test_percentiles_are_by_nearest_rank(self) -> None:
        assert Percentiles.of([n * 1_000_000 for n in range(100, 0, -1)]) == Percentiles(50.0, 99.0, 100.0)
        assert Percentiles.of([7_000_000]) == Percentiles(7.0, 7.0, 7.0)
        with pytest.raises(ValueError, match="no sample"):
            Percentiles.of([])

    @pytest.mark.parametrize("result", [run(), replace(run(), first_token=None, errors={"status 500": 3})])
    def test_a_result_survives_its_way_between_processes(self, result: LoadResult) -> None:
        assert LoadResult.from_json(orjson.loads(orjson.dumps(result.as_json()))) == result

    def test_figures_are_medians_with_the_extremes_beside_them(self) -> None:
        first = figures(runs([5.0, 4.0, 90.0]))[0]
        assert (first.direct, first.gateway, first.lowest, first.highest) == (0.1, 5.0, 4.0, 90.0)
        assert first.added == pytest.approx(4.9)

    def test_targets_are_met_or_not(self) -> None:
        good = verdicts(runs([5.0]), {"api": Memory(100.0, "PSS"), "nats": Memory(50.0, "PSS")})
        bad = verdicts(runs([9.0], rate=349.0), {"api": Memory(451.0, "PSS")})
        assert [each.met for each in good] == [True] * 4
        assert [each.met for each in bad] == [False] * 4

    def test_memory_that_was_not_read_is_no_target_met(self) -> None:
        report = Report("peer", runs([5.0]), {}, None, {})
        assert "memory of all processes ≤ 450 MiB: not measured" in markdown(report)

    def test_the_page_has_every_table(self) -> None:
        memory = {"api": Memory(100.0, "PSS"), "workers": Memory(60.0, "RSS")}
        page = markdown(Report("penstock", runs([5.0, 4.0, 6.0]), memory, 14.0, {"commit": "abc"}))
        assert "| 1 in flight, p50 | 0.10 ms | 5.00 ms | +4.90 ms | 4.00 ms to 6.00 ms |" in page
        assert "| 32 in flight, requests | 20,000/s | 400/s | 0.0200 of it | 400/s to 400/s |" in page
        assert "- requests/s at 32 in flight ≥ 350: 400/s, met" in page
        assert "| **together** | **5.500 ms** |" in page
        assert "| **together** | **160.0 MiB** |" in page
        assert "- upstream calls a request: 1.0000" in page
        assert "- commit: abc" in page

    def test_the_whole_report_is_json(self) -> None:
        memory = {"api": Memory(100.0, "PSS")}
        value = orjson.loads(orjson.dumps(Report("penstock", runs([5.0]), memory, 14.0, {}).as_json()))
        assert value["figures"][0]["gateway"] == 5.0
        assert value["runs"]["pairs"]["one"]["direct"][0]["requests"] == 200


def test_the_catalogue_it_writes_is_one_that_penstock_reads(tmp_path: Path) -> None:
    path = tmp_path / "catalog.yaml"
    path.write_text(CATALOGUE.format(upstream="http://127.0.0.1:9", model="bench"))
    catalog = load_catalog(path)
    assert str(catalog.provider("upstream").base_url) == "http://127.0.0.1:9/v1"
    assert catalog.resolve("bench") is not None


def test_what_misses_lose_is_the_median_of_pairs():
    many = SCENARIOS[1]

    def row(kind: str, requests: int, scenario: Scenario = many) -> cache.Row:
        return cache.Row(scenario, kind, LoadResult(requests, 1.0, 0.0, None), 0.0)

    pairs = [
        row(kind, n)
        for missed, n_without in ((95, 100), (190, 200), (10, 100))
        for kind, n in ((cache.MISSES, missed), (cache.WITHOUT, n_without))
    ]
    others = [row(cache.HITS, 999), row(cache.MISSES, 1, SCENARIOS[0])]
    assert cache.loss([*pairs, *others], many) == pytest.approx(0.05)
