"""Failures that a person can mend, as the sentence they are told."""

FAILED, COULD_NOT_RUN, INTERRUPTED = 1, 2, 130
"""Exit codes: some of the work failed; nothing could be done; Ctrl-C."""


class CommandError(Exception):
    """A command can't be run; the message is a sentence for a person."""


def sentence_of(error: Exception) -> str | None:
    """One sentence, or None for a failure that we don't know: that one keeps its traceback."""
    from contracts.errors import PenstockError
    from infra.settings import SettingsError

    if isinstance(error, SettingsError | CommandError):
        return str(error)
    if isinstance(error, PenstockError):
        return error.message
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}{f' ({error.filename})' if error.filename else ''}"
    if type(error).__module__.startswith("sqlalchemy"):
        return f"the database refused: {str(getattr(error, 'orig', error)).splitlines()[0]}"
    return None


def exit_code_of(error: Exception) -> int:
    """Of the process that ends with this failure."""
    return COULD_NOT_RUN if isinstance(error, CommandError) else FAILED
