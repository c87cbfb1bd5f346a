"""The rows there are: every file `qNN_name.py` beside this one, in the order of their numbers.

>>> [row.id for row in rows()][0]
'Q1'
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from types import ModuleType

from benchmarks.quality.record import Task

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Row:
    """One file of the benchmark."""

    file: str  # "q02_mean_shift"

    @cached_property
    def module(self) -> ModuleType:
        return import_module(f"benchmarks.quality.{self.file}")

    @property
    def id(self) -> str:
        """Its name in tables; two files may share one."""
        return f"Q{int(self.file[1:3])}"

    @property
    def title(self) -> str:
        return str(self.module.TITLE)

    @property
    def losses(self) -> dict[str, str]:
        """Why bars are missed, by case, or by "case, detector"."""
        return dict(getattr(self.module, "LOSSES", {}))

    def tasks(self, scale: float, data: Path | None) -> list[Task]:
        found: list[Task] = self.module.tasks(scale, data)
        return found


def rows() -> list[Row]:
    """Return all rows."""
    return [Row(path.stem) for path in sorted(FOLDER.glob("q[0-9][0-9]_*.py"))]
