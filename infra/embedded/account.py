"""The account that PostgreSQL runs as. It refuses to run as root, so root lends it another user's."""

import os
import pwd
import stat
from collections.abc import Callable
from pathlib import Path

from infra.embedded.errors import ServerMissingError
from infra.embedded.process import run

_USER = "pgserver"


async def unprivileged_account(existing: Path) -> str | None:
    """The user for PostgreSQL: None (our own) unless we are root; then the owner of an `existing` database, else
    `pgserver`, which is made. Raises `ServerMissingError` where that fails.
    """
    if os.geteuid() != 0:
        return None
    if (owner := _owner(existing)) is not None:
        return owner
    try:
        pwd.getpwnam(_USER)
    except KeyError:
        await _make_account()
    return _USER


def _owner(path: Path) -> str | None:
    if not path.exists() or (owner := path.stat().st_uid) == 0:
        return None
    return pwd.getpwuid(owner).pw_name


async def _make_account() -> None:
    made = await run(
        "useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", _USER, env=dict(os.environ)
    )
    if made.returncode != 0:
        reason = made.stderr.decode(errors="replace").strip()
        raise ServerMissingError(
            f"PostgreSQL does not run as root, and the user {_USER} can't be made for it: {reason}; "
            "run penstock up as another user."
        )


def hand_over(path: Path, user: str | None) -> None:
    """Make `user` the owner of one file or directory."""
    if user is not None:
        account = pwd.getpwnam(user)
        os.chown(path, account.pw_uid, account.pw_gid)


def open_way(path: Path, announce: Callable[[str], None]) -> None:
    """Let other users pass through every directory above `path`, without letting them list one, and say so."""
    for directory in path.parents:
        mode = directory.stat().st_mode
        if not mode & stat.S_IXOTH:
            directory.chmod(mode | stat.S_IXOTH)
            announce(f"other users may now pass through {directory}: PostgreSQL does not run as root")


def open_tree(root: Path) -> None:
    """Let other users read and run what an installer under a strict umask kept to root."""
    if root.stat().st_mode & stat.S_IROTH:
        return
    for path in (*root.rglob("*"), root):
        if not path.is_symlink():
            mode = path.stat().st_mode
            runnable = stat.S_IXOTH if mode & stat.S_IXUSR else 0
            path.chmod(mode | stat.S_IROTH | runnable)
