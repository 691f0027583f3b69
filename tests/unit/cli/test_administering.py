"""What administrative commands do when NATS can't be told."""

from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from cli.access.administering import changing


def test_what_was_changed_is_shown_even_where_nats_refuses_the_credentials(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
):
    monkeypatch.setenv("PENSTOCK_DATABASE_URL", "postgresql://nobody@127.0.0.1:9/none")
    monkeypatch.setenv("PENSTOCK_NATS_CREDS", str(tmp_path / "missing.creds"))

    async def make_key(_: AsyncEngine) -> str:
        return "psk_made"

    assert changing(make_key) == "psk_made"
    assert "NATS was not told of it" in capsys.readouterr().err
