"""Migrations, as files: each goes on from one other, and one is the newest."""

from pathlib import Path

from alembic.script import ScriptDirectory

import infra.database


def test_there_is_one_newest_and_one_oldest_and_each_number_is_had_once():
    folder = Path(infra.database.__path__[0]) / "migrations"
    revisions = list(ScriptDirectory(str(folder)).walk_revisions())
    files = list((folder / "versions").glob("[0-9]*.py"))
    assert len(revisions) == len(files)
    assert [each.revision for each in revisions] == sorted((path.name[:4] for path in files), reverse=True)
