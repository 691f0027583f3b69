"""infra/docker/compose-env.sh: passwords that are nobody else's, in a file that is nobody else's."""

import stat
import subprocess
from pathlib import Path

from tests.support.compose import ROOT

SCRIPT = ROOT / "infra" / "docker" / "compose-env.sh"

PASSWORDS = ("POSTGRES_PASSWORD", "POSTGRES_SUPERUSER_PASSWORD", "GRAFANA_PASSWORD")


def written(file: Path) -> dict[str, str]:
    subprocess.run(["sh", SCRIPT, file], check=True, capture_output=True, timeout=30)
    lines = file.read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def test_each_password_is_random_and_the_file_private(tmp_path: Path):
    first, second = written(tmp_path / "a"), written(tmp_path / "b")
    passwords = [found[name] for found in (first, second) for name in PASSWORDS]
    assert len(set(passwords)) == 6
    assert all(len(bytes.fromhex(password)) == 24 for password in passwords)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o600


def test_what_is_there_is_left(tmp_path: Path):
    before = written(tmp_path / "a")
    assert written(tmp_path / "a") == before


def test_a_file_of_before_gets_the_password_that_it_lacks(tmp_path: Path):
    (tmp_path / "a").write_text("POSTGRES_PASSWORD=old\nMINE=1\n", encoding="utf-8")
    found = written(tmp_path / "a")
    assert (found["POSTGRES_PASSWORD"], found["MINE"]) == ("old", "1")
    assert len(bytes.fromhex(found["POSTGRES_SUPERUSER_PASSWORD"])) == 24


def test_the_file_is_not_for_the_repository():
    assert "/.env" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()[1] == "*"
