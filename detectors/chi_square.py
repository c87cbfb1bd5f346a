"""The chi-square law: how often it exceeds a value, and the value it exceeds that often.

The regularised incomplete gamma function by its series below the hump and by Lentz's continued fraction above it
(Press et al., Numerical Recipes, 6.2; NIST DLMF 8.7.1 and 8.9.2), good to twelve digits for up to a thousand degrees
of freedom; the quantile by bisection of it.

>>> round(exceeded(3.841459, 1), 6), round(quantile(0.999, 9), 3)
(0.05, 27.877)
"""

from functools import lru_cache
from math import exp, lgamma, log

EXACT = 1e-15  # relative size of the last term of the series, and of the last factor of the fraction
TERMS = 2_000  # never reached below a thousand degrees of freedom


def exceeded(value: float, degrees: int) -> float:
    """Return the probability that a chi-square variable with so many degrees of freedom is larger than `value`."""
    a, x = degrees / 2, value / 2
    if x <= 0:
        return 1.0
    scale = exp(a * log(x) - x - lgamma(a))
    return 1 - scale * series(a, x) if x < a + 1 else scale * fraction(a, x)


def series(a: float, x: float) -> float:
    """Return the lower incomplete gamma function over x^a e^-x."""
    term = total = 1 / a
    for n in range(1, TERMS):
        term *= x / (a + n)
        total += term
        if term < EXACT * total:
            break
    return total


def fraction(a: float, x: float) -> float:
    """Return the upper incomplete gamma function over x^a e^-x."""
    b = x + 1 - a
    c, d = 1e300, 1 / b
    total = d
    for n in range(1, TERMS):
        numerator = -n * (n - a)
        b += 2
        d = 1 / (numerator * d + b)
        c = b + numerator / c
        total *= c * d
        if abs(c * d - 1) < EXACT:
            break
    return total


@lru_cache(maxsize=1024)
def quantile(level: float, degrees: int) -> float:
    """Return the value that a chi-square variable with so many degrees of freedom stays below with probability
    `level`.
    """
    low, high = 0.0, float(degrees)
    while exceeded(high, degrees) > 1 - level:
        low, high = high, 2 * high
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if exceeded(middle, degrees) > 1 - level else (low, middle)
    return (low + high) / 2
