"""What few observations say of a rate, at worst."""

import math

_STEPS = 50


def upper_bound(wrong: int, seen: int, confidence: float) -> float:
    """The one-sided Clopper-Pearson bound: the rate, from 0 to 1, that is exceeded with 1 - `confidence` at most.

    1 where nothing has been seen. The rate p at which P(X <= wrong | seen, p) = 1 - confidence, by bisection.
    """
    if wrong >= seen:
        return 1.0
    low, high = wrong / seen, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if at_most(wrong, seen, middle) > 1 - confidence:
            low = middle
        else:
            high = middle
    return high


def at_most(wrong: int, seen: int, rate: float) -> float:
    """P(X <= wrong) of a binomial of `seen` trials; `rate` is over 0 and under 1."""
    terms = [
        math.lgamma(seen + 1)
        - math.lgamma(k + 1)
        - math.lgamma(seen - k + 1)
        + k * math.log(rate)
        + (seen - k) * math.log1p(-rate)
        for k in range(wrong + 1)
    ]
    largest = max(terms)
    return min(1.0, math.exp(largest) * math.fsum(math.exp(term - largest) for term in terms))
