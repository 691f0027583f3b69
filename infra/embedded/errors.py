"""What can go wrong on one machine. Each message is one sentence for the person at the terminal."""


class EmbeddedError(Exception):
    """`penstock up` can't go on; the message says why and what to do."""


class DataDirectoryError(EmbeddedError):
    """The data directory can't be used: not writable, damaged, or of another version."""


class DataDirectoryInUseError(DataDirectoryError):
    """Another supervisor holds the data directory."""


class PortInUseError(EmbeddedError):
    """A port that was asked for can't be listened on."""


class ServerMissingError(EmbeddedError):
    """The binaries of NATS or PostgreSQL are not installed, or can't be run by this user."""


class ChildStartError(EmbeddedError):
    """A process could not be started, ended before it was ready, or was not ready in time."""


class CrashLoopError(EmbeddedError):
    """A process died too often and is not started again."""
