"""`penstock contracts`, run as a process in a copy of the repository with a git of its own."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cli.contracts import BASE, REFERENCE, ROOT, SCHEMAS

COMMAND = "from cli.contracts import app; app()"
WRITE_UNASKED = """
from cli.contracts import ROOT, all_documents, files
for path, text in files(all_documents()).items():
    (ROOT / path).write_text(text, encoding="utf-8")
"""
REMOVED = "inference.attempted: $.idempotency_key: the property was removed or renamed"

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


class Repository:
    """A copy of contracts, command and generated files."""

    def __init__(self, root: Path) -> None:
        self.root = root
        shutil.copytree(ROOT / "contracts", root / "contracts", ignore=shutil.ignore_patterns("__pycache__"))
        (root / "cli").mkdir()
        for name in ("__init__.py", "contracts.py"):
            shutil.copy(ROOT / "cli" / name, root / "cli" / name)
        (root / REFERENCE).parent.mkdir()
        shutil.copy(ROOT / REFERENCE, root / REFERENCE)

    def _environment(self, **more: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_") and name != BASE}
        author = {f"GIT_{who}_{what}": "a@b.invalid" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        nobodys = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        return {**kept, **author, **nobodys, "PYTHONPATH": str(self.root), "PYTHONDONTWRITEBYTECODE": "1", **more}

    def git(self, *arguments: str) -> str:
        return subprocess.run(
            ["git", *arguments], cwd=self.root, env=self._environment(), check=True, capture_output=True, text=True
        ).stdout.strip()

    def commit(self) -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "a change")
        return self.git("rev-parse", "HEAD")

    def run(self, *arguments: str, code: str = COMMAND, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", code, *arguments],
            cwd=self.root,
            env=self._environment(**environment),
            check=False,
            capture_output=True,
            encoding="utf-8",
            timeout=60,
        )

    def edit(self, path: str, pattern: str, replacement: str) -> None:
        text, count = re.subn(pattern, replacement, (self.root / path).read_text(encoding="utf-8"), flags=re.DOTALL)
        assert count == 1, f"«{pattern}» stands {count} times in {path}: choose another edit for this test"
        (self.root / path).write_text(text, encoding="utf-8")

    def remove_a_field(self) -> None:
        self.edit("contracts/inference.py", r"    idempotency_key: str\n", "")

    def add_an_optional_field(self) -> None:
        field = "    idempotency_key: str\n"
        self.edit("contracts/inference.py", field, f"{field}    region: str | None = None\n")

    def texts(self) -> dict[str, str]:
        paths = [*(self.root / SCHEMAS).iterdir(), self.root / REFERENCE]
        return {path.name: path.read_text(encoding="utf-8") for path in paths}


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path / "copy")
    made.git("init", "--quiet", "--initial-branch", "work")
    made.commit()
    return made


def test_what_is_committed_passes_and_there_is_nothing_to_write(repository):
    checked = repository.run("check")
    assert (checked.returncode, checked.stderr) == (0, "")
    assert "compatible with the working tree and HEAD" in checked.stdout
    assert repository.run("generate").stdout == ""


def test_a_removed_field_fails_by_name_and_is_not_written(repository):
    before = repository.texts()
    repository.remove_a_field()
    checked = repository.run("check")
    assert checked.returncode == 1
    assert f"{REMOVED} (against the working tree and HEAD" in checked.stderr
    generated = repository.run("generate")
    assert generated.returncode == 1
    assert REMOVED in generated.stderr
    assert "new version" in generated.stderr
    assert repository.texts() == before


def test_an_optional_field_is_stale_until_it_is_generated_and_then_passes(repository):
    repository.add_an_optional_field()
    stale = repository.run("check")
    assert stale.returncode == 1
    assert f"{SCHEMAS}/inference.attempted.json is stale: run «make schemas»" in stale.stderr
    assert f"{REFERENCE} is stale" in stale.stderr
    assert "removed" not in stale.stderr
    generated = repository.run("generate")
    assert generated.returncode == 0, generated.stderr
    assert f"wrote {SCHEMAS}/inference.attempted.json" in generated.stdout
    checked = repository.run("check")
    assert checked.returncode == 0, checked.stderr


def test_a_committed_file_edited_to_fit_is_found_out_by_git(repository):
    repository.remove_a_field()
    repository.run(code=WRITE_UNASKED)
    checked = repository.run("check")
    assert checked.returncode == 1
    assert f"{REMOVED} (against HEAD" in checked.stderr
    assert "stale" not in checked.stderr


def test_a_committed_file_that_was_deleted_is_found_out_by_git(repository):
    repository.remove_a_field()
    shutil.rmtree(repository.root / SCHEMAS)
    checked = repository.run("check")
    assert checked.returncode == 1
    assert f"{REMOVED} (against HEAD" in checked.stderr
    assert f"{SCHEMAS}/envelope.json is missing: run «make schemas»" in checked.stderr
    assert repository.run("generate").returncode == 1


def test_a_file_edited_alone_is_stale(repository):
    repository.edit(f"{SCHEMAS}/usage.recorded.json", '"minimum": 1', '"minimum": 2')
    checked = repository.run("check")
    assert checked.returncode == 1
    assert "usage.recorded: $.attempt: minimum changed from 2 to 1 (against the working tree)" in checked.stderr
    assert "usage.recorded.json is stale" in checked.stderr


def test_a_removed_event_and_a_changed_subject_fail(repository):
    event = r'    MessageContract\(\n        "cache\.stored".*?\n    \),\n'
    repository.edit("contracts/registry.py", event, "")
    repository.edit(
        "contracts/registry.py", r'"penstock\.v1\.usage\.recorded\.\{tenant\}"', '"penstock.v1.usage.{tenant}"'
    )
    checked = repository.run("check")
    assert checked.returncode == 1
    assert "cache.stored: it was removed" in checked.stderr
    assert "usage.recorded: $: subject changed" in checked.stderr
    assert "asyncapi: $.channels['cache.stored']: it was removed" in checked.stderr


def test_a_branch_is_compared_with_where_it_left_main_however_much_was_committed_since(repository):
    fork = repository.git("rev-parse", "HEAD")
    repository.remove_a_field()
    repository.run(code=WRITE_UNASKED)
    repository.commit()
    assert repository.run("check").returncode == 0, "nothing to compare with but HEAD itself"
    repository.git("update-ref", "refs/remotes/origin/main", fork)
    checked = repository.run("check")
    assert checked.returncode == 1
    assert f"{REMOVED} (against the branch point from origin/main ({fork[:12]}))" in checked.stderr


def test_the_base_can_be_named(repository):
    base = repository.git("rev-parse", "HEAD")
    repository.remove_a_field()
    repository.run(code=WRITE_UNASKED)
    repository.commit()
    checked = repository.run("check", **{BASE: base})
    assert checked.returncode == 1
    assert REMOVED in checked.stderr
    unknown = repository.run("check", **{BASE: "nosuch"})
    assert unknown.returncode == 1
    assert f"{BASE} is «nosuch», but git knows no such revision" in unknown.stderr


def test_where_git_has_nothing_the_check_says_what_it_did_not_check(repository):
    shutil.rmtree(repository.root / ".git")
    checked = repository.run("check")
    assert checked.returncode == 0, checked.stderr
    assert "not compared with an earlier revision: this is no git repository" in checked.stdout
    repository.remove_a_field()
    assert REMOVED in repository.run("check").stderr
    named = repository.run("check", **{BASE: "HEAD"})
    assert named.returncode == 1
    assert "this is no git repository" in named.stderr


def test_before_the_first_commit_only_the_working_tree_is_compared(tmp_path):
    repository = Repository(tmp_path / "copy")
    repository.git("init", "--quiet")
    checked = repository.run("check")
    assert checked.returncode == 0, checked.stderr
    assert "not compared with an earlier revision: nothing is committed yet" in checked.stdout


def test_a_file_that_is_no_json_is_named(repository):
    (repository.root / SCHEMAS / "envelope.json").write_text("<<<<<<< HEAD\n", encoding="utf-8")
    checked = repository.run("check")
    assert checked.returncode == 1
    assert "envelope: this is no schema to compare with" in checked.stderr
    assert "Traceback" not in checked.stderr


def test_a_git_that_refuses_is_an_error_and_no_excuse(repository):
    (repository.root / ".git" / "HEAD").write_text("nonsense\n", encoding="utf-8")
    checked = repository.run("check")
    assert checked.returncode == 1
    assert "git rev-parse failed: fatal:" in checked.stderr
