"""How long credentials last, as a person writes it."""

import re
import time

from contracts.errors import ErrorCode, PenstockError

_SECONDS = {"m": 60, "h": 3600, "d": 86_400}


def expiry(lifetime: str) -> int:
    """From `30m`, `12h` or `90d` to the second since 1970 at which that has passed. Raises `PenstockError`."""
    found = re.fullmatch(r"([1-9]\d{0,5})([mhd])", lifetime.strip())
    if found is None:
        message = f"«{lifetime}» is no lifetime: one is a number of minutes, hours or days, such as 30m, 12h or 90d"
        raise PenstockError(ErrorCode.INVALID_REQUEST, message, stage="cli", param="expires")
    return int(time.time()) + int(found[1]) * _SECONDS[found[2]]
