"""Why a file became no document."""

from enum import StrEnum

from contracts.errors import ErrorCode, PenstockError


class UnparsableCode(StrEnum):
    """What is wrong with a file. The set is open."""

    UNSUPPORTED_TYPE = "unsupported_type"
    ENCRYPTED = "encrypted"
    CORRUPT = "corrupt"
    EMPTY = "empty"
    TOO_LARGE = "too_large"
    TIMEOUT = "timeout"
    CRASHED = "crashed"


class UnparsableError(Exception):
    """A file that can't be parsed: its document has failed, and no worker has.

    `message` is a sentence for the document's owner and carries nothing of the file's text.
    """

    def __init__(self, code: UnparsableCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class ParserUnavailableError(PenstockError):
    """No parser process could be started. The file is not to blame: it can be parsed later."""

    def __init__(self, reason: str) -> None:
        message = f"no parser process could be started: {reason}"
        super().__init__(ErrorCode.INTERNAL_ERROR, message, stage="chunking", retryable=True)
