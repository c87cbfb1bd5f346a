"""A finding: one thing that is wrong with one event, where, and how to mend it.

>>> Finding("error", "latency_ms", "expected a number or null, got text", "Send the number.").reason.message
'latency_ms: expected a number or null, got text'
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

from schemas.dead_letter import Code, Reason
from schemas.event import NAME_LENGTH, NAME_PATTERN

NAME = re.compile(NAME_PATTERN[:-1] + r"\Z")  # `$` would let a line break through
NAME_HINT = "A name is a letter or digit, then letters, digits and the signs . _ : / @ + - without spaces."
SUGGEST_LENGTH = 64  # longer words are nobody's slip of the finger, and comparing them is slow


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing about one event: an `error` refuses it, a `warning` does not. What is `nonfinite` is a null."""

    level: Literal["error", "warning"]
    path: str
    message: str
    hint: str
    code: Code | Literal["nonfinite"] = "schema"

    @property
    def reason(self) -> Reason:
        """An error as the reason of a dead letter."""
        assert self.code != "nonfinite"
        return Reason(self.code, f"{self.path}: {self.message}" if self.path else self.message, self.hint)


def nearest(word: str, among: Iterable[str]) -> str:
    """Return the sentence that names the likeliest intention, or nothing.

    >>> nearest("modle", ["model", "features"])
    "Did you mean 'model'?"
    """
    close = get_close_matches(word[:SUGGEST_LENGTH], list(among), n=1, cutoff=0.6)
    return f"Did you mean '{close[0]}'?" if close else ""


def bad_name(text: str) -> tuple[str, Code] | None:
    """Return why a text cannot be a name."""
    if not text:
        return "a name must not be empty", "schema"
    if len(text) > NAME_LENGTH:
        return f"a name of {len(text)} characters; at most {NAME_LENGTH} are allowed", "too_large"
    if not NAME.match(text):
        return "not a name", "schema"
    return None


def shown(key: str) -> str:
    """Return a key as it can be shown: short, and without characters that could play tricks on a terminal."""
    if key.isprintable() and 0 < len(key) <= SUGGEST_LENGTH:
        return key
    text = "".join(sign if sign.isprintable() else "?" for sign in key[:SUGGEST_LENGTH])
    return f"{text}…" if len(key) > SUGGEST_LENGTH else text or "''"
