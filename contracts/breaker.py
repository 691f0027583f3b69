"""What provider workers tell each other, and whoever else listens, of a deployment that fails."""

from contracts.inference import Contract


class BreakerTold(Contract):
    """The newest word on a deployment's breaker for one of its models: open until a moment, in seconds since 1970."""

    deployment: str
    model: str
    open: bool
    until: float = 0.0
