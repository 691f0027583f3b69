"""Where a simulated call's speed, length and fault come from."""

import pytest

from infra.simulator.errors import ApiError
from infra.simulator.knobs import Fault, Knobs, read_knobs
from infra.simulator.options import SimulatorOptions, with_environment

SLOW_SERVER = SimulatorOptions(latency_ms=100, tokens_per_second=10)


def knobs(model: str, headers: dict[bytes, bytes] | None = None, options: SimulatorOptions = SLOW_SERVER) -> Knobs:
    return read_knobs(model, headers or {}, options)


def test_the_server_sets_the_speed_of_calls_that_set_none():
    assert (knobs("sim-small").latency_ms, knobs("sim-small").tokens_per_second) == (100, 10)


def test_headers_win_over_the_server():
    headers = {b"x-sim-latency-ms": b"5.5", b"x-sim-tokens-per-second": b"0", b"x-sim-tokens": b"9"}
    read = knobs("sim-small", headers)
    assert (read.latency_ms, read.tokens_per_second, read.tokens) == (5.5, 0, 9)


def test_the_models_name_wins_over_headers():
    read = knobs("sim-small@latency=50,tps=100,tokens=20", {b"x-sim-latency-ms": b"5", b"x-sim-tokens": b"9"})
    assert (read.latency_ms, read.tokens_per_second, read.tokens) == (50, 100, 20)
    assert read.base == "sim-small"


def test_an_at_sign_without_settings_is_part_of_the_name():
    assert knobs("claude@20250101").base == "claude@20250101"


@pytest.mark.parametrize("fault", list(Fault))
def test_a_name_that_contains_a_fault_has_it(fault: Fault):
    assert knobs(f"my-{fault.value}-model@tokens=5").fault is fault


def test_a_plain_name_or_a_setting_is_no_fault():
    assert knobs("sim-small").fault is None


def test_slow_models_are_slow_unless_told_otherwise():
    assert knobs("sim-slow").latency_ms == 10_000
    assert knobs("sim-slow@latency=20").latency_ms == 20
    assert (knobs("sim-slow-second-chunk").latency_ms, knobs("sim-slow-second-chunk").pause_ms) == (100, 10_000)
    assert knobs("sim-slow-second-chunk@pause=30").pause_ms == 30


def test_a_window_can_be_set_for_any_model():
    assert (knobs("sim-small").window, knobs("sim-small@window=9").window) == (None, 9)
    assert (knobs("sim-context-window").window, knobs("sim-context-window@window=9").window) == (8192, 9)


@pytest.mark.parametrize(
    "suffix",
    [
        "latency=fast",
        "latency=-1",
        "latency=nan",
        "latency=inf",
        "tokens=0",
        "tokens=1.5",
        "speed=3",
        "tps=",
        "window=0",
        "retry=-1",
    ],
)
def test_a_bad_setting_in_the_name_is_refused(suffix: str):
    with pytest.raises(ApiError) as refused:
        knobs(f"sim-small@{suffix}")
    assert refused.value.param == "model"
    assert refused.value.kind.value == 400


def test_a_bad_header_is_refused_by_its_name():
    with pytest.raises(ApiError) as refused:
        knobs("sim-small", {b"x-sim-tokens": b"many"})
    assert refused.value.param == "x-sim-tokens"


def test_the_environment_wins_over_the_command_line():
    environ = {"PENSTOCK_SIM_LATENCY_MS": "7", "PENSTOCK_SIM_TOKENS_PER_SECOND": ""}
    assert with_environment(SLOW_SERVER, environ) == SimulatorOptions(latency_ms=7, tokens_per_second=10)


@pytest.mark.parametrize("value", ["soon", "-1", "nan", "inf"])
def test_a_bad_variable_is_named(value: str):
    with pytest.raises(ValueError, match="PENSTOCK_SIM_LATENCY_MS"):
        with_environment(SLOW_SERVER, {"PENSTOCK_SIM_LATENCY_MS": value})
