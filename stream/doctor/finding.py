"""What the doctor found: how bad, about what, in words, and what to do.

>>> Finding("warning", "Redis persistence", "Redis keeps nothing over a restart.", "appendonly yes").level
'warning'
"""

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Finding:
    """`mend` is empty where all is well."""

    level: Level
    subject: str
    what: str
    mend: str = ""
