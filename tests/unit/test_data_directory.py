"""The data directory: one supervisor at a time, closed to others, and one sentence where it can't be used."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.embedded.datadir import DataDirectory, locked_data_directory
from infra.embedded.errors import DataDirectoryError, DataDirectoryInUseError


@pytest.fixture
def data(tmp_path: Path) -> Iterator[DataDirectory]:
    with locked_data_directory(tmp_path / "new" / "data") as data:
        yield data


def test_a_directory_that_is_held_is_refused_with_the_holders_process(data: DataDirectory) -> None:
    with pytest.raises(DataDirectoryInUseError) as raised, locked_data_directory(data.path):
        pass
    assert str(raised.value) == (
        f"data directory {data.path} is in use by penstock up (process {os.getpid()}); "
        "stop it or choose another with --data-dir."
    )


def test_a_file_is_no_data_directory(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        sentence = r"can't be used: .*; choose another with --data-dir\.$"
        with pytest.raises(DataDirectoryError, match=sentence), locked_data_directory(path):
            pass


def test_a_new_directory_is_closed_to_others_and_ignored_by_git(data: DataDirectory) -> None:
    assert data.path.stat().st_mode & 0o066 == 0
    assert data.logs.stat().st_mode & 0o077 == 0
    assert (data.path / ".gitignore").read_text() == "*\n"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(DataDirectoryError, match="permission denied"), locked_data_directory(tmp_path / "data"):
        pass


def test_a_directory_is_free_again_when_it_is_let_go(tmp_path: Path) -> None:
    for _ in range(2):
        with locked_data_directory(tmp_path):
            assert (tmp_path / "up.lock").read_text() == f"{os.getpid()}\n"


def test_a_directory_that_was_there_keeps_its_permissions(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    with locked_data_directory(tmp_path):
        assert tmp_path.stat().st_mode & 0o777 == 0o755
        assert not (tmp_path / ".gitignore").exists()
