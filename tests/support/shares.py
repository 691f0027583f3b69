"""How the tests are shared out among the processes of a run: who needs the same platform stays together."""

from xdist.scheduler import LoadFileScheduling

_ONE_PLATFORM = ("tests/e2e/sdk/", "tests/faults/")
"""Folders whose files ask for one platform, which only they have: started once, whatever it costs."""


class Shares(LoadFileScheduling):
    """A file's tests are run by one process, and all files of some folders by the same one."""

    def _split_scope(self, nodeid: str) -> str:
        for folder in _ONE_PLATFORM:
            if nodeid.startswith(folder):
                return folder
        scope: str = super()._split_scope(nodeid)
        return scope
