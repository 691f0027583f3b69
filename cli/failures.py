"""Failures that a person can mend, as the sentence they are told."""


def sentence_of(error: Exception) -> str | None:
    """One sentence, or None for a failure that we don't know: that one keeps its traceback."""
    from contracts.errors import PenstockError
    from infra.settings import SettingsError

    if isinstance(error, SettingsError):
        return str(error)
    if isinstance(error, PenstockError):
        return error.message
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}{f' ({error.filename})' if error.filename else ''}"
    if type(error).__module__.startswith("sqlalchemy"):
        return f"the database refused: {str(getattr(error, 'orig', error)).splitlines()[0]}"
    return None
