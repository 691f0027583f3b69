"""Settings: read from the environment, and a wrong one stops the start with a sentence that names it."""

import pytest

from infra.settings import SettingsError, load_settings


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PENSTOCK_API_PORT", "eighty"),
        ("PENSTOCK_API_PORT", "70000"),
        ("PENSTOCK_NATS_URL", "http://127.0.0.1"),
        ("PENSTOCK_DATABASE_URL", "mysql://x"),
        ("PENSTOCK_ACK_WAIT", "0"),
        ("PENSTOCK_REPLICAS", "2"),
        ("PENSTOCK_LOG_LEVEL", "loud"),
        ("PENSTOCK_TRACE_RATIO", "1.5"),
        ("PENSTOCK_MAX_REQUEST_BYTES", "999999999"),
    ],
)
def test_a_wrong_value_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str):
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=f"{name} is not usable"):
        load_settings()


def test_values_come_from_the_environment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PENSTOCK_DATABASE_URL", "postgresql://u:p@127.0.0.1:5/d")
    monkeypatch.setenv("PENSTOCK_CACHE_TTL", "12.5")
    settings = load_settings()
    assert settings.cache_ttl == 12.5
    assert settings.require_database_url() == "postgresql+psycopg://u:p@127.0.0.1:5/d"


def test_a_process_that_needs_a_database_says_so(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("PENSTOCK_DATABASE_URL", raising=False)
    with pytest.raises(SettingsError, match="PENSTOCK_DATABASE_URL is not set"):
        load_settings().require_database_url()
