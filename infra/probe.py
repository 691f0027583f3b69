"""`python -m infra.probe URL`: a container's health check, for images that have no curl.

It runs every few seconds in each container, so it imports as little as can be.
"""

import sys
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

_PATIENCE = 4.0
_LONGEST = 500
"""Bytes of an answer that are shown: `docker inspect` keeps what the last checks said."""


def problem_at(url: str, within: float = _PATIENCE) -> str | None:
    """None where `url` answers 200 within so many seconds, else what it did instead, in a sentence."""
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "", parts.port or 80, timeout=within)
    try:
        connection.request("GET", parts.path or "/")
        answer = connection.getresponse()
        said = answer.read(_LONGEST).decode(errors="replace").strip()
    except (OSError, HTTPException) as error:
        return f"{url} does not answer: {error or type(error).__name__}"
    finally:
        connection.close()
    return None if answer.status == 200 else f"{url} answers {answer.status}: {said}"


def main() -> int:
    """0 where all is well; 1, with the sentence on standard error, where it isn't."""
    found = problem_at(sys.argv[1])
    if found is not None:
        sys.stderr.write(f"{found}\n")
    return 0 if found is None else 1


if __name__ == "__main__":
    sys.exit(main())
