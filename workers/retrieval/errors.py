"""What searches and evaluations say when there is nothing to show."""

from contracts.errors import ErrorCode, PenstockError

STAGE = "retrieval"


def refused(message: str, param: str | None = None) -> PenstockError:
    """For what the caller, or the state of the store, has to be mended first."""
    return PenstockError(ErrorCode.INVALID_REQUEST, message, stage=STAGE, param=param)


def overloaded(message: str) -> PenstockError:
    """For what the next try may find possible."""
    return PenstockError(ErrorCode.OVERLOADED, message, stage=STAGE, retryable=True)


def no_version(number: int) -> PenstockError:
    """For a version that is not there, has been dropped, or is another store's: nobody can tell which."""
    message = f"the index version {number} of this vector store does not exist"
    return PenstockError(ErrorCode.NOT_FOUND, message, stage=STAGE, param="version")
